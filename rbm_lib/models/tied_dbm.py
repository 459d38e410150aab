"""The deep form of a tied model: item units between the content and the taste."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from rbm_lib.checks import require_number, require_whole
from rbm_lib.models.bags import Bags
from rbm_lib.models.base import Statistics
from rbm_lib.models.mean_field import MeanField, coordinate_ascent, entropy
from rbm_lib.models.random import Rng, sample_bernoulli
from rbm_lib.models.tied import TiedModel


class TiedDBM(TiedModel):
    r"""A person as a deep Boltzmann machine: each item has hidden units h of its own.

    .. math::
        E = -\sum_i \left[ b_{t_i} + \beta^T v_{t_i} + \log p(h_i \mid v_{t_i})
            + (h_i - \mu)^T W_2 H + U_{t_i}^T H \right] - n\, c^T H

    Place i of the bag holds the item t_i, with content v, and the hidden units h_i. Content
    is given: without a taste the h_i are independent, and on with probability
    sigmoid(W1 v + a). The taste H is connected to all of them, so what one item says about
    the taste changes how the others are read. The offset mu centres the item units, which
    are on about half of the time: without it the taste of a long bag would saturate. There
    are two ways to infer H:

    - `mean_field` sends messages both ways, between the h_i and H in turn.
    - `upward_pass` makes one pass from the content to H, without feedback. It is the first
      step of mean field, and in effect a `TiedRBM` on the features sigmoid(W1 v + a).

    Parameters
    ----------
    content : array_like, shape (n_items, n_content)
        Content of the known items.
    n_hidden : int
        Number of hidden units of each item.
    n_taste, residual, seed
        As in `TiedRBM`.
    weight_std : float
        Standard deviation of the initial W2. That of W1 is content_std / sqrt(n_content).
    content_std : float
        Spread of the field that the hidden units get from content of unit variance.

    Attributes
    ----------
    hidden_mean : Tensor, shape (n_hidden,)
        The offset mu: the mean of sigmoid(W1 v + a) over the known items at the start.

    References
    ----------
    Montavon & Müller (2012). Deep Boltzmann machines and the centering trick.
    Salakhutdinov & Hinton (2009). Deep Boltzmann machines. AISTATS.
    Srivastava, Salakhutdinov & Hinton (2013). Modeling documents with a deep Boltzmann
    machine. UAI.

    Examples
    --------
    >>> model = TiedDBM([[1, 0], [0, 1], [1, 1]], n_hidden=3, n_taste=2, seed=0)
    >>> field = model.mean_field([[1, 1, 0], [0, 0, 1]])
    >>> [tuple(mean.shape) for mean in field.means]  # of three entries, and of two people
    [(3, 3), (2, 2)]
    """

    hidden_mean: Tensor
    # The item units need large weights of the content, to be more than nearly linear.
    relative_decay = TiedModel.relative_decay | {"W1": 0.1}

    def __init__(
        self,
        content: Any,
        n_hidden: int,
        n_taste: int,
        residual: bool = True,
        weight_std: float = 0.02,
        content_std: float = 4.0,
        seed: int | None = None,
    ) -> None:
        super().__init__(content, n_taste, residual)
        self.n_hidden = require_whole("n_hidden", n_hidden)
        std = require_number("content_std", content_std) / self.n_content**0.5
        above = None if seed is None else require_whole("seed", seed, least=0) + 1
        self.W1 = self._initial(self.n_content, self.n_hidden, std, seed)
        self.W2 = self._initial(self.n_hidden, self.n_taste, weight_std, above)
        self.hidden_bias = nn.Parameter(torch.zeros(self.n_hidden))
        self.weight_names = ["W2"]
        mean = torch.sigmoid(self.hidden_field()).mean(0).detach()
        self.register_buffer("hidden_mean", mean)

    def architecture(self) -> dict[str, Any]:
        return super().architecture() | {"n_hidden": self.n_hidden}

    def hidden_field(self, content: Tensor | None = None) -> Tensor:
        """W1 v + a of each item, shape (n_items, n_hidden): what its content sends up."""
        content = self.content if content is None else content
        return content @ self.W1 + self.hidden_bias

    def couplings(self, content: Tensor | None = None) -> Tensor:
        mean = torch.sigmoid(self.hidden_field(content))
        from_content = (mean - self.hidden_mean) @ self.W2
        if content is not None or self.residual is None:
            return from_content
        return from_content + self.residual

    def pull_back(self, couplings: Tensor, biases: Tensor) -> Statistics:
        mean = torch.sigmoid(self.hidden_field())
        by_field = couplings @ self.W2.T * mean * (1 - mean)
        result = {
            "W1": self.content.T @ by_field,
            "W2": (mean - self.hidden_mean).T @ couplings,
            "hidden_bias": by_field.sum(0),
            "content_bias": biases @ self.content,
            "item_bias": biases,
        }
        if self.residual is not None:
            result["residual"] = couplings
        return result

    def item_logits(self, taste: Tensor, content: Tensor | None = None) -> Tensor:
        """log sum_h exp(-E) of one place for each item, shape (B, n_items)."""
        from_taste = taste @ self.W2.T
        from_content = self.hidden_field(content)
        hidden = F.softplus(from_content + from_taste[:, None]).sum(-1)
        hidden = hidden - F.softplus(from_content).sum(-1)
        offset = from_taste @ self.hidden_mean
        logits = hidden + self.item_biases(content) - offset[:, None]
        if content is not None or self.residual is None:
            return logits
        return logits + taste @ self.residual.T

    def energy(self, histories: Any, h: list[Tensor]) -> Tensor:
        """E(bag, [h, H]), shape (n_people,), for h (n_entries, n_hidden).

        It is linear in h and in H, so means of independent layers give its average.
        """
        bags = self.as_bags(histories)
        hidden, taste = h
        from_content = self.hidden_field()
        own = (from_content[bags.items] * hidden).sum(1)
        of_item = self.item_biases() - F.softplus(from_content).sum(1)
        own = own + of_item[bags.items]
        field = self._taste_field_of(bags, hidden)
        return -bags.per_person(own[:, None])[:, 0] - (field * taste).sum(1)

    @torch.no_grad()
    def mean_field(
        self, histories: Any, max_sweeps: int = 50, tol: float = 1e-6
    ) -> MeanField:
        """Approximate p(h, H given the bag) by independent units, in turn.

        It starts at the upward pass. A sweep sets the h of all entries given H, then H
        given these. Each step maximises the bound with the rest held, so that it never
        falls. The bound is at most log sum_{h, H} exp(-E).

        Returns
        -------
        MeanField
            With the means [h (n_entries, n_hidden), H (n_people, n_taste)].
        """
        max_sweeps = require_whole("max_sweeps", max_sweeps, least=0)
        tol = require_number("tol", tol)
        bags = self.as_bags(histories)
        from_content = self.hidden_field()[bags.items]

        def below(from_taste: Tensor) -> list[Tensor]:
            hidden = torch.sigmoid(from_content + from_taste)
            return [hidden, torch.sigmoid(self._taste_field_of(bags, hidden))]

        def sweep(means: list[Tensor]) -> list[Tensor]:
            return below((means[1] @ self.W2.T)[bags.people])

        def bound(means: list[Tensor]) -> Tensor:
            hidden, taste = map(entropy, means)
            of_hidden = bags.per_person(hidden).sum(1)
            return of_hidden + taste.sum(1) - self.energy(bags, means)

        start = below(torch.zeros_like(from_content))
        return coordinate_ascent(start, sweep, bound, max_sweeps, tol)

    def hidden_means(self, histories: Any) -> list[Tensor]:
        """[h, H] by mean field: 10 sweeps, or until no mean moves by 1e-4."""
        return self.mean_field(histories, max_sweeps=10, tol=1e-4).means

    def scores_at(self, taste: Tensor, content: Any = None) -> Tensor:
        """Score items at a taste from `mean_field`, with their h summed out."""
        with torch.no_grad():
            return self.item_logits(taste, self.centred(content))

    @torch.no_grad()
    def statistics(
        self, histories: Any, h: list[Tensor], weights: Tensor | None = None
    ) -> Statistics:
        bags = self.as_bags(histories)
        hidden, taste = h
        weights = self._weights_of(bags, weights)
        of_entry = weights[bags.people]
        above = (weights * taste)[bags.people]
        biases = bags.per_item(of_entry, self.n_items)[:, 0]
        surprise = of_entry * (hidden - torch.sigmoid(self.hidden_field()[bags.items]))
        result = {
            "W1": self.content[bags.items].T @ surprise,
            "W2": (hidden - self.hidden_mean).T @ above,
            "hidden_bias": surprise.sum(0),
            "content_bias": biases @ self.content,
            "item_bias": biases,
            "taste_bias": (bags.lengths[:, None] * weights * taste).sum(0),
        }
        if self.residual is not None:
            result["residual"] = bags.per_item(above, self.n_items)
        return result

    @torch.no_grad()
    def gibbs_step(
        self, taste: Tensor, lengths: Tensor, generator: Generator | None = None
    ) -> tuple[Bags, list[Tensor]]:
        # An item is drawn with its h summed out, and then h given the item.
        bags = self.sample_items_given_taste(taste, lengths, generator)
        hidden = sample_bernoulli(self._prob_hidden(bags, taste), generator)
        return bags, [hidden, torch.sigmoid(self._taste_field_of(bags, hidden))]

    @torch.no_grad()
    def sample_hidden(
        self, histories: Any, sweeps: int = 20, generator: Rng = None
    ) -> list[Tensor]:
        """Draw [h, H] given the bags, nearly: from mean field, then `sweeps` of Gibbs."""
        sweeps = require_whole("sweeps", sweeps, least=0)
        bags = self.as_bags(histories)
        hidden, taste = (sample_bernoulli(q, generator) for q in self.hidden_means(bags))
        for _ in range(sweeps):
            hidden = sample_bernoulli(self._prob_hidden(bags, taste), generator)
            mean = torch.sigmoid(self._taste_field_of(bags, hidden))
            taste = sample_bernoulli(mean, generator)
        return [hidden, taste]

    def _prob_hidden(self, bags: Bags, taste: Tensor) -> Tensor:
        """p(h = 1 given items and H), shape (n_entries, n_hidden)."""
        from_taste = (taste @ self.W2.T)[bags.people]
        return torch.sigmoid(self.hidden_field()[bags.items] + from_taste)

    def _taste_field_of(self, bags: Bags, hidden: Tensor) -> Tensor:
        from_items = (hidden - self.hidden_mean) @ self.W2
        if self.residual is not None:
            from_items = from_items + self.residual[bags.items]
        return self.taste_field(bags, from_items)
