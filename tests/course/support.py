"""A throw-away lesson with one exercise, for tests of building, running and copying."""

from pathlib import Path

EXERCISES = """\
import numpy as np

from rbm_lib.course import exercise

rows = np.arange(12.0).reshape(3, 4)
centred = exercise("1", "Centre", 2, [(rows,)])(lambda v: v - v.mean(0))
"""

SOURCE = '''\
# %% [markdown]
# # A toy
#
# ![A line.](figures/line.svg) [next](01_next.ipynb) [far](https://pytorch.org/get-started)
# %%
import matplotlib.pyplot as plt

from rbm_lib.course import Lesson
from rbm_lib.course.plotting import show

lesson = Lesson("98_toy")
lesson.data(type("Loaded", (), {"source": "synthetic"}))
print(lesson.profile, flush=True)
print({"a", "b", "c", "d", "e"}, flush=True)
# %% tags=["nbval-check-output"]
1 + 1
# %%
show(plt.figure(figsize=(2, 1)), "Nothing yet.")
# %%
def centred(v):
    """Every column without its mean."""
    ### BEGIN SOLUTION
    return v - v.mean(0)
    ### END SOLUTION
# %%
lesson.check("1", centred)
'''


def make_toy(root: Path, source: str = SOURCE) -> Path:
    """Write the lesson into a folder `notebooks` of its own. Returns its source's path."""
    path = root / "notebooks" / "src" / "98_toy.py"
    exercises = root / "notebooks" / "exercises" / "98_toy.py"
    for file, text in ((path, source), (exercises, EXERCISES)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return path
