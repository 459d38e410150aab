"""What tied models share: one taste above all items, which are known by their content."""

from abc import ABC, abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from rbm_lib.checks import as_numbers, require_flag, require_number, require_whole
from rbm_lib.models.bags import Bags, as_bags
from rbm_lib.models.base import Statistics, seeded

MAX_TASTES = 20  # at most 2^20 tastes are enumerated


class TiedModel(nn.Module, ABC):
    """What the shallow and the deep form have in common.

    A person is a bag of n items and a taste H, binary. Each place of the bag holds a copy
    of the same lower part, and all copies share H. An item couples to H by weights that are
    a function of its content, plus a residual of its own if it is known. A new item has its
    content alone, and that is enough to be scored.

    Attributes
    ----------
    content : Tensor, shape (n_items, n_content)
        Content of the known items, minus its mean.
    content_mean : Tensor, shape (n_content,)
    content_bias : Parameter, shape (n_content,)
    item_bias : Parameter, shape (n_items,)
    residual : Parameter, shape (n_items, n_taste), or None
    taste_bias : Parameter, shape (n_taste,)
        It counts once for each item of the bag, so that evidence and bias keep their
        proportion in long and short bags.
    """

    content: Tensor
    content_mean: Tensor
    weight_names: list[str]
    residual: nn.Parameter | None
    # Weight decay of each parameter, relative to that of the weights.
    relative_decay = {"content_bias": 0.1, "residual": 0.1, "item_bias": 0.01}

    def __init__(self, content: Any, n_taste: int, residual: bool) -> None:
        super().__init__()
        content = as_numbers(content, "content", (None, None)).float()
        self.n_items, self.n_content = content.shape
        require_whole("content", self.n_items)  # rows
        self.n_taste = require_whole("n_taste", n_taste)
        mean = content.mean(0)
        self.register_buffer("content_mean", mean)
        self.register_buffer("content", content - mean)
        self.content_bias = nn.Parameter(torch.zeros(self.n_content))
        self.item_bias = nn.Parameter(torch.zeros(self.n_items))
        self.taste_bias = nn.Parameter(torch.zeros(self.n_taste))
        self.residual = None
        if require_flag("residual", residual):
            self.residual = nn.Parameter(torch.zeros(self.n_items, self.n_taste))

    def architecture(self) -> dict[str, Any]:
        """Arguments of the constructor; instead of the content its shape."""
        return {
            "content": [self.n_items, self.n_content],
            "n_taste": self.n_taste,
            "residual": self.residual is not None,
        }

    @abstractmethod
    def couplings(self, content: Tensor | None = None) -> Tensor:
        """What an item sends to the taste without feedback, shape (n_items, n_taste).

        `content` is that of new items, centred; by default the known items, whose residual
        is added.
        """

    @abstractmethod
    def pull_back(self, couplings: Tensor, biases: Tensor) -> Statistics:
        """From slopes by couplings and biases of the known items to those by parameters.

        This is the chain rule through `couplings` and `item_biases`. Shapes (n_items,
        n_taste) and (n_items,).
        """

    @abstractmethod
    def item_logits(self, taste: Tensor, content: Tensor | None = None) -> Tensor:
        """log p(item given taste) up to a constant, shape (B, n_items), for binary H."""

    def as_bags(self, histories: Any, name: str = "histories") -> Bags:
        """Checked bags of known items, see `rbm_lib.models.bags.as_bags`."""
        return as_bags(histories, self.n_items, name).to(self.content.device)

    def centred(self, content: Any) -> Tensor | None:
        """Content of new items minus the mean of the known ones; None stays None."""
        if content is None:
            return None
        values = as_numbers(content, "content", (None, self.n_content))
        return values.to(self.content) - self.content_mean

    def item_biases(self, content: Tensor | None = None) -> Tensor:
        """The bias of each item, shape (n_items,); new ones have that of their content."""
        if content is None:
            return self.content @ self.content_bias + self.item_bias
        return content @ self.content_bias

    def upward_pass(self, histories: Any) -> Tensor:
        """sigmoid(n c + what the items send), shape (n_people, n_taste).

        In the shallow form this is p(H = 1 given the bag), exact. In the deep form it
        leaves out what the taste sends down to the item units: the first step of mean
        field.
        """
        bags = self.as_bags(histories)
        return torch.sigmoid(self.taste_field(bags, self.couplings()[bags.items]))

    def taste_field(self, bags: Bags, from_items: Tensor) -> Tensor:
        """The field at H from what each entry of the bags sends, (n_entries, n_taste)."""
        return bags.lengths[:, None] * self.taste_bias + bags.per_person(from_items)

    def scores(self, histories: Any, content: Any = None) -> Tensor:
        """Score items for each person by their log-odds at the taste of one upward pass.

        Parameters
        ----------
        histories : Bags, RatingMatrix or array_like, (n_people, n_items)
            What each person has, of the known items.
        content : array_like, shape (n_new, n_content), optional
            Content of new items, which nobody has. By default the known items are scored.

        Returns
        -------
        Tensor, shape (n_people, n_items) or (n_people, n_new)
        """
        new = self.centred(content)
        with torch.no_grad():
            taste = self.upward_pass(histories)
            return taste @ self.couplings(new).T + self.item_biases(new)

    @abstractmethod
    def hidden_means(self, histories: Any) -> list[Tensor]:
        """Means of the hidden layers given the bags; the last is that of the taste."""

    @abstractmethod
    def statistics(
        self, histories: Any, h: list[Tensor], weights: Tensor | None = None
    ) -> Statistics:
        """-dE/d(parameter), averaged over people: one phase of the gradient.

        `h` are hidden states, or means where layers are independent given the rest.
        `weights` of the people, shape (n_people,), sum to one; by default all are alike.
        """

    @abstractmethod
    def gibbs_step(
        self, taste: Tensor, lengths: Tensor, generator: Generator | None = None
    ) -> tuple[Bags, list[Tensor]]:
        """Draw bags, with their item units, given H; then the mean of H given these.

        Sampling H from that mean completes a sweep of block Gibbs. The places of a bag are
        independent given H, so a whole bag is one block.
        """

    # Exact results for few taste units

    def tastes(self) -> Tensor:
        """All states of H, shape (2^n_taste, n_taste); unit 0 is the lowest bit."""
        if self.n_taste > MAX_TASTES:
            raise ValueError(
                f"model: got {self.n_taste} taste units, expected at most {MAX_TASTES} to "
                "sum over their states."
            )
        number = torch.arange(2**self.n_taste, device=self.content.device)
        bits = number[:, None] >> torch.arange(self.n_taste, device=number.device)
        return (bits & 1).to(self.content)

    @torch.no_grad()
    def log_partition(self, length: int) -> Tensor:
        """log Z of the bags of this many items, a scalar, for few taste units.

        Given H the places of a bag are independent, so the sum over all bags is a power:
        Z = sum_H exp(n c.H) (sum_t exp(logit_t(H)))^n.
        """
        length = require_whole("length", length, least=0)
        taste = self.tastes()
        per_place = taste @ self.taste_bias + self.item_logits(taste).logsumexp(1)
        return (length * per_place).logsumexp(0)

    @torch.no_grad()
    def log_weights(self, histories: Any) -> Tensor:
        """log exp(-E) of each bag and state of H, (n_people, 2^n_taste), h summed out.

        Its softmax is p(H given the bag), exact; its logsumexp minus `log_partition` of the
        bag's length is log p(bag), of the bag as a sequence.
        """
        bags = self.as_bags(histories)
        taste = self.tastes()
        per_entry = self.item_logits(taste).T[bags.items]
        return bags.lengths[:, None] * (taste @ self.taste_bias) + bags.per_person(
            per_entry
        )

    @torch.no_grad()
    def sample_items_given_taste(
        self, taste: Tensor, lengths: Tensor, generator: Generator | None = None
    ) -> Bags:
        """Bags of known items given H, shape (n_people, n_taste): each place on its own."""
        if not len(lengths) or not lengths.any():
            return Bags(F.pad(lengths.cumsum(0), (1, 0)), lengths[:0])
        probability = torch.softmax(self.item_logits(taste), 1)
        longest = int(lengths.max())
        draws = torch.multinomial(probability, longest, True, generator=generator)
        place = torch.arange(longest, device=lengths.device)
        return Bags(F.pad(lengths.cumsum(0), (1, 0)), draws[place < lengths[:, None]])

    def _weights_of(self, bags: Bags, weights: Tensor | None) -> Tensor:
        """The weight of each person in an average, by default all alike, (n_people, 1)."""
        if weights is None:
            weights = torch.full_like(bags.lengths, 1).to(self.content) / max(len(bags), 1)
        return weights[:, None]

    def _initial(self, n: int, m: int, std: float, seed: int | None) -> nn.Parameter:
        std = require_number("weight_std", std)
        return nn.Parameter(std * torch.randn(n, m, generator=seeded(seed)))
