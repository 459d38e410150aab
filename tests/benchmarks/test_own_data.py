"""The benchmark on data of other kinds."""

from benchmarks import own_data


def test_memory_is_measured_from_ratings_to_everybodys_lists(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(own_data, "RATINGS", [(60, 200, 600)])

    own_data.memory(tmp_path)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" GB")[1] for line in lines] == [""] * 3
    assert "600 rows, in a file" in lines[-1]
    assert len((tmp_path / "lists.csv").read_text().splitlines()) == 601
