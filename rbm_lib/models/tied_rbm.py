"""The shallow form of a tied model: content below, taste above."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from rbm_lib.models.bags import Bags
from rbm_lib.models.base import Statistics
from rbm_lib.models.tied import TiedModel


class TiedRBM(TiedModel):
    r"""A person as a restricted Boltzmann machine: a bag of items below, the taste above.

    .. math::
        E(t_1 \ldots t_n, H) = -\sum_i \left[ b_{t_i} + \beta^T v_{t_i}
            + (W^T v_{t_i} + U_{t_i})^T H \right] - n\, c^T H

    It is a replicated softmax whose weights are a function of the content v of an item,
    plus a residual U of each known item.

    Parameters
    ----------
    content : array_like, shape (n_items, n_content)
        Content of the known items.
    n_taste : int
        Number of taste units.
    residual : bool
        Whether each known item has weights of its own beside those of its content. New
        items profit too: what is special in a known item is not blamed on its content.
    weight_std : float
        Standard deviation of the initial weights.
    seed : int, optional
        Seed of the initial weights.

    References
    ----------
    Gunawardana & Meek (2008). Tied Boltzmann machines for cold start recommendations.
    RecSys.
    Hinton & Salakhutdinov (2009). Replicated softmax: an undirected topic model. NIPS.

    Examples
    --------
    Three items with two columns of content, and a new one:

    >>> model = TiedRBM([[1, 0], [0, 1], [1, 1]], n_taste=4, seed=0)
    >>> likes = [[1, 1, 0], [0, 0, 1]]
    >>> model.scores(likes, content=[[0, 0]]).shape
    torch.Size([2, 1])
    """

    def __init__(
        self,
        content: Any,
        n_taste: int,
        residual: bool = True,
        weight_std: float = 0.02,
        seed: int | None = None,
    ) -> None:
        super().__init__(content, n_taste, residual)
        self.W = self._initial(self.n_content, self.n_taste, weight_std, seed)
        self.weight_names = ["W"]

    def couplings(self, content: Tensor | None = None) -> Tensor:
        if content is not None:
            return content @ self.W
        known = self.content @ self.W
        return known if self.residual is None else known + self.residual

    def pull_back(self, couplings: Tensor, biases: Tensor) -> Statistics:
        result = {
            "W": self.content.T @ couplings,
            "content_bias": biases @ self.content,
            "item_bias": biases,
        }
        if self.residual is not None:
            result["residual"] = couplings
        return result

    def item_logits(self, taste: Tensor, content: Tensor | None = None) -> Tensor:
        return taste @ self.couplings(content).T + self.item_biases(content)

    def energy(self, histories: Any, taste: Tensor) -> Tensor:
        """E(bag, H), shape (n_people,)."""
        bags = self.as_bags(histories)
        field = self.taste_field(bags, self.couplings()[bags.items])
        return -self._bias_of(bags) - (field * taste).sum(1)

    def free_energy(self, histories: Any) -> Tensor:
        """-log sum_H exp(-E(bag, H)), shape (n_people,)."""
        bags = self.as_bags(histories)
        field = self.taste_field(bags, self.couplings()[bags.items])
        return -self._bias_of(bags) - F.softplus(field).sum(1)

    def prob_taste_given_items(self, histories: Any) -> Tensor:
        """p(H = 1 given the bag), exact, shape (n_people, n_taste)."""
        return self.upward_pass(histories)

    def hidden_means(self, histories: Any) -> list[Tensor]:
        return [self.prob_taste_given_items(histories)]

    @torch.no_grad()
    def statistics(
        self, histories: Any, h: list[Tensor], weights: Tensor | None = None
    ) -> Statistics:
        bags = self.as_bags(histories)
        weights = self._weights_of(bags, weights)
        (taste,) = h
        above = (weights * taste)[bags.people]
        biases = bags.per_item(weights[bags.people], self.n_items)[:, 0]
        result = self.pull_back(bags.per_item(above, self.n_items), biases)
        result["taste_bias"] = (bags.lengths[:, None] * weights * taste).sum(0)
        return result

    @torch.no_grad()
    def gibbs_step(
        self, taste: Tensor, lengths: Tensor, generator: Generator | None = None
    ) -> tuple[Bags, list[Tensor]]:
        bags = self.sample_items_given_taste(taste, lengths, generator)
        return bags, self.hidden_means(bags)

    def _bias_of(self, bags: Bags) -> Tensor:
        return bags.per_person(self.item_biases()[bags.items, None])[:, 0]
