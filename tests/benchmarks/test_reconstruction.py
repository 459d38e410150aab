"""The picture of the README."""

from benchmarks import reconstruction


def test_the_readmes_picture_is_drawn_from_three_trainings(tmp_path):
    target = tmp_path / "picture.svg"

    runs = {name: reconstruction.curves(name, 150) for name in reconstruction.METHODS}
    reconstruction.draw(runs, target)

    assert "</svg>" in target.read_text(encoding="utf-8")
    for nll, error in runs.values():
        assert len(nll) == len(error) == 4
        assert nll[-1] < nll[0]
