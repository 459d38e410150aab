"""Everything measured, as text."""

HEADS = ("ms/update", "× floor", "quartiles", "CPU time", "× ours", "peak MB", "before")


def report(result):
    parts = [
        ", ".join(f"{key} {value}" for key, value in result["machine"].items()),
        used_versions(result["dense"]),
        f"load before {result['load_before']}, after {result['load_after']} "
        "(of others and of this)",
    ]
    parts += [f"\n{case_table(record)}" for record in result["dense"]]
    if result["import"]:
        parts.append(f"\n{about_import(result['import'])}")
    if result["log_z"]:
        parts.append(about_log_z(result["log_z"]))
    parts += map(about_ratings, result["masked_ratings"])
    if result.get("rated_cells"):
        parts.append(about_rated_cells(result["rated_cells"]))
    parts += likes_lines(result["likes_only"])
    parts += map(about_checking, result.get("checking", []))
    return "\n".join(parts)


def used_versions(records):
    used = {}
    for record in records:
        for row in record["rows"]:
            used |= row.get("versions", {})
    return ", ".join(f"{name} {version}" for name, version in sorted(used.items()))


def case_table(record):
    """The table of one case."""
    batch, visible, hidden = record["case"]
    title = f"batch {batch}, {visible} visible, {hidden} hidden; {record['device']}, "
    title += f"threads: {record['threads']}; "
    title += f"{record['repeats']} rounds of {record['updates']} updates"
    return "\n".join([title, line("", HEADS, "bar"), *map(case_line, record["rows"])])


def case_line(row):
    if "missing" in row:
        return f"{row['name']:26}   {row['missing']}"
    quartiles = ""
    if "ratio_low" in row:
        quartiles = f"{row['ratio_low']:.2f}–{row['ratio_high']:.2f}"
    cells = [f"{row['ms']:.2f}", f"{row['ratio']:.2f}", quartiles]
    for key in ("cpu_ratio", "times_ours"):
        cells.append(f"{row[key]:.2f}" if key in row else "")
    for key in ("peak_mb", "setup_mb"):
        cells.append("?" if row[key] is None else f"{row[key]:.0f}")
    return line(
        row["name"], cells, verdict(row["ratio"], row["bar"]) if "bar" in row else ""
    )


def line(name, cells, bar):
    columns = "".join(f" {cell:>11}" for cell in cells)
    return f"{name:26}{columns}  {bar}".rstrip()


def verdict(value, bar):
    return f"≤ {bar:.2f} {'met' if value <= bar else 'missed'}"


def peak(found):
    if found["peak_mb"] is None:
        return "peak MB ?"
    return f"peak MB {found['peak_mb']:.0f} ({found['setup_mb']:.0f} before)"


def about_import(found):
    package = verdict(found["package_ratio"], found["package_bar"])
    return (
        f"import: torch {found['torch_seconds']:.2f} s; "
        f"rbm_lib {found['package_seconds']:.2f} s, ratio {found['package_ratio']:.2f} "
        f"(bar {package}); with a Recommender "
        f"{found['rbm_lib_seconds']:.2f} s, ratio {found['ratio']:.2f} "
        f"(bar {verdict(found['ratio'], found['bar'])}; rounds: {found['repeats']}); "
        f"packages beyond torch's: {', '.join(found['further_modules'])}"
    )


def about_log_z(found):
    return (
        f"exact log Z, {found['visible']} visible, {found['hidden']} hidden: "
        f"{found['log_z']:.4f}, {found['seconds']:.1f} s, {peak(found)}, "
        f"threads: {found['threads']}"
    )


def about_ratings(found):
    return (
        f"{found['ratings']:,} ratings of {found['users']:,} users and "
        f"{found['items']:,} items, {found['hidden']} hidden units: "
        f"an epoch of masked CD-1 {found['epoch_seconds']:.1f} s, "
        f"{found['ns_per_rating']:.0f} ns a rating; "
        f"20 items for everybody {found['top_20_seconds']:.0f} s; {peak(found)}, "
        f"threads: {found['threads']}"
    )


def about_rated_cells(found):
    shares = "; ".join(
        f"{row['share']:.1%} known: {row['ratio']:.2f} ({row['ns_per_rating']:.0f} ns a "
        "rating)"
        for row in found["rows"]
    )
    return (
        f"rated cells alone over dense rows, batch {found['batch']}, {found['items']:,} "
        f"items, {found['hidden']} hidden units, taken below {found['below']:.0%}: {shares}"
    )


def likes_lines(rows):
    """A line for each model; times over that of iALS, which is near it in NDCG."""
    seconds = {row["model"]: row["seconds"] for row in rows}
    return [about_likes(row, seconds.get("iALS")) for row in rows]


def about_likes(found, of_ials):
    times = f", {found['seconds'] / of_ials:.2f} × iALS" if of_ials else ""
    return (
        f"{found['likes']:,} likes of {found['users']:,} users and "
        f"{found['items']:,} items, {found['model']}: "
        f"trained and everything scored in {found['seconds']:.1f} s{times} "
        f"(processor time {found['cpu_seconds']:.1f} s), NDCG@10 {found['ndcg']:.3f}, "
        f"{peak(found)}, threads: {found['threads']}"
    )


def about_checking(found):
    return (
        f"{found['ratings'] * found['scale']:,} ratings, Recommender({found['task']!r}): "
        f"early stopping takes {found['share']:.1%} of the training "
        f"(bar {found['bar']:.0%} {'met' if found['share'] <= found['bar'] else 'missed'}; "
        f"{found['users']:,} users measured, a check each {found['every']} epochs)"
    )
