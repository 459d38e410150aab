"""A ranking model that also knows items by their content, and so those nobody has rated.

Two models stand beside each other. The RBM of likes knows rated items by who likes them. A
tied RBM knows every item by its content, and a rated one by weights of its own as well.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from rbm_lib.data.ids import as_array, flat_array, known_places
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.bags import Bags
from rbm_lib.models.tied_rbm import TiedRBM
from rbm_lib.recommend.content import ItemContent, read_content
from rbm_lib.recommend.ranking import RankModel, hidden_means
from rbm_lib.recommend.settings import Settings, content_defaults
from rbm_lib.recommend.top import top_n
from rbm_lib.training import History, fit_tied

SHARE = 0.5  # of the model of content in the score of a rated item


class ContentRankModel(RankModel):
    """An RBM of likes and a tied RBM over one catalogue.

    The catalogue has the items of the ratings, and then those of the content alone. Both
    models give log-odds, and the average rated item is 0 in both. A rated item has the mean
    of the two. A new item has that of the tied model, and stands where an average one with
    its content would.

    Parameters
    ----------
    like_level : int
        The lowest level that is a like.
    table : DataFrame
        A row for each item, see `read_content`.

    Examples
    --------
    Half of the people like loud songs, the others quiet ones, and y and z are new:

    >>> import pandas as pd
    >>> from rbm_lib import Recommender
    >>> likes = [(i, "abcdef"[k]) for i in range(40) for k in range(6) if k % 2 == i % 2]
    >>> likes = pd.DataFrame(likes, columns=["user", "item"])
    >>> songs = pd.DataFrame({"item": [*"abcdefyz"], "loud": [True, False] * 4})
    >>> model = Recommender(content=songs, epochs=1, validation=0.0)
    >>> model = model.fit(RatingMatrix.from_pairs(likes))
    >>> model.recommend([0, 1], n=1, new_items=True)[["user", "item"]]
       user item
    0     0    y
    1     1    z
    """

    tied: TiedRBM
    items: ItemContent

    def __init__(self, like_level: int, table: Any) -> None:
        super().__init__(like_level)
        self.table = table

    def fit(
        self,
        ratings: RatingMatrix,
        given: Settings,
        start: RankModel | None = None,
        **options: Any,
    ) -> History:
        """Train both models. A warm start goes on with the RBM; the other one is quick."""
        self.items = read_content(self.table, ratings)
        history = super().fit(ratings, given, start, **options)
        self.fit_content(ratings, options["seed"], options["progress"])
        return history

    def fit_content(self, ratings: RatingMatrix, seed: int, progress: bool) -> None:
        """Train the tied RBM on the people who like something, and join the two."""
        likes = self._likes(ratings.with_items(self.items.ids))[:, self.items.rated]
        likes = likes[np.flatnonzero(np.diff(likes.indptr))]
        settings = content_defaults(likes.shape[0])
        self.settings["content"] = settings
        tied = self.empty_tied(settings["n_taste"], seed).to(self.rbm.W.device)
        fit_tied(
            tied,
            bags_of(likes),
            **{name: value for name, value in settings.items() if name != "n_taste"},
            generator=torch.Generator().manual_seed(seed),
            progress=progress,
        )
        self.join(tied)

    def empty_tied(self, n_taste: int, seed: int = 0) -> TiedRBM:
        """A tied RBM of the rated items that has not been trained."""
        return TiedRBM(self.items.values[self.items.rated], n_taste, seed=seed)

    @torch.no_grad()
    def join(self, tied: TiedRBM) -> None:
        """Take a trained tied RBM, and write the joint score as linear in both layers.

        The score of an item is h·a + H·b + d, for hidden units h of the RBM and H of the
        tied one.
        """
        self.tied = tied
        items, rbm = self.items, self.rbm
        device = rbm.W.device
        rated = torch.from_numpy(items.rated).to(device)
        values = tied.centred(items.values)
        # A new item has what is special in a rated one on average.
        assert tied.residual is not None
        couplings = tied.couplings(values) + tied.residual.mean(0)
        biases = tied.item_biases(values) + tied.item_bias.mean()
        couplings[rated] = tied.couplings()
        biases[rated] = tied.item_biases()
        n_ratings = len(self.item_ids)
        weights = torch.zeros(len(items.ids), rbm.n_hidden, device=device)
        weights[:n_ratings] = rbm.W
        own = torch.zeros(len(items.ids), device=device)
        own[:n_ratings] = rbm.visible_bias

        share = torch.full_like(own, SHARE)
        share[torch.from_numpy(items.is_new).to(device)] = 1.0
        share[torch.from_numpy(~items.described & ~items.rated).to(device)] = 0.0
        of_rbm, of_taste = (1 - share)[:, None], share[:, None]
        self.couplings = couplings
        self.from_hidden = of_rbm * (weights - weights[rated].mean(0))
        self.from_taste = of_taste * (couplings - couplings[rated].mean(0))
        own, biases = own - own[rated].mean(), biases - biases[rated].mean()
        self.offset = (1 - share) * own + share * biases

    def catalogue(self, people: RatingMatrix) -> RatingMatrix:
        return people.with_items(self.items.ids)

    def allowed(self, allow: Any, new_items: bool) -> Any:
        if not new_items:
            return self.item_ids if allow is None else allow
        new = self.items.ids[self.new_columns()]
        if allow is None:
            return new
        wanted = flat_array("allow", np.atleast_1d(as_array("allow", allow)))
        chosen = wanted[known_places(wanted, new) >= 0]
        if not len(chosen):
            raise ValueError(
                "allow: got no item of content without ratings, expected one or more. "
                "Leave new_items out."
            )
        return chosen

    def new_columns(self) -> NDArray[np.int64]:
        columns = np.flatnonzero(self.items.is_new)
        if not len(columns):
            raise ValueError(
                "new_items: got True, but each item of content has ratings, expected some "
                "without. Give content= with new items, and fit again."
            )
        return columns

    @torch.no_grad()
    def scores(self, people: RatingMatrix) -> Tensor:
        """Log-odds beyond those of the average rated item, (n_people, n_catalogue)."""
        likes = self._likes(self.catalogue(people))
        hidden = hidden_means(self.rbm, csr_array(likes[:, : len(self.item_ids)]))
        bags = bags_of(likes).to(self.couplings.device)
        field = self.tied.taste_field(bags, self.couplings[bags.items])
        taste = torch.sigmoid(field)
        return hidden @ self.from_hidden.T + taste @ self.from_taste.T + self.offset

    @torch.no_grad()
    def effects(self, liked: NDArray[np.int64], item: int) -> NDArray:
        device = self.couplings.device
        places = torch.from_numpy(liked).to(device)
        weights = self.rbm.W.new_zeros(len(liked), self.rbm.n_hidden)
        seen = places < len(self.item_ids)
        weights[seen] = self.rbm.W[places[seen]]
        fall = leave_one_out(weights, self.rbm.hidden_bias) @ self.from_hidden[item]
        sent = self.couplings[places] + self.tied.taste_bias
        no_bias = torch.zeros_like(self.tied.taste_bias)
        fall = fall + leave_one_out(sent, no_bias) @ self.from_taste[item]
        return fall.cpu().numpy()

    @torch.no_grad()
    def similar(self, ratings: RatingMatrix, item: int, n: int) -> tuple[NDArray, NDArray]:
        """The nearest items and their cosines, by what they say about the taste."""
        couplings = self.couplings - self.couplings.mean(0)
        cosine = F.cosine_similarity(couplings, couplings[item][None], dim=1)
        closed = torch.from_numpy(~self.items.described & ~self.items.rated)
        closed[item] = True
        items, cosines = top_n(cosine[None], closed[None], n)
        found = items[0] >= 0
        return items[0][found].cpu().numpy(), cosines[0][found].cpu().numpy()


def leave_one_out(sent: Tensor, bias: Tensor) -> Tensor:
    """How far the means of hidden units fall without each row, (n_rows, n_hidden)."""
    field = bias + sent.sum(0)
    return torch.sigmoid(field) - torch.sigmoid(field - sent)


def bags_of(likes: csr_array) -> Bags:
    """Bags of the items that each row likes; no row becomes dense."""
    start, items = likes.indptr, likes.indices
    return Bags(*(torch.from_numpy(part.astype(np.int64)) for part in (start, items)))
