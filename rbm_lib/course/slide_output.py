"""What a cell of code gave, as HTML for a slide: its table, text, pictures and options."""

import base64
import html
import re

from nbformat import NotebookNode


def is_sentence(output: NotebookNode) -> bool:
    return "text/markdown" in output.get("data", {})


def table(output: NotebookNode) -> str:
    """A table without its style and the numbers of its rows, or nothing."""
    text = output.get("data", {}).get("text/html", "")
    found = re.search(r"(?s)<table.*</table>", text)
    if not found:
        return ""
    shown = found[0].replace("<td>NaN</td>", "<td></td>")
    numbers = re.findall(r"<tr>\s*<th>([^<]*)</th>\s*<td", shown)
    if numbers != [str(i) for i in range(len(numbers))]:
        return shown
    return re.sub(r"(<tr[^>]*>\s*)<th>\d*</th>", r"\1", shown)


def printed(output: NotebookNode) -> str:
    return f"<pre>{html.escape(output.text.strip())}</pre>" if "text" in output else ""


def picture_html(data: str | bytes, kind: str, alt: str) -> str:
    if isinstance(data, bytes):
        data = base64.b64encode(data).decode()
    source = f"data:{kind};base64,{''.join(data.split())}"
    return f'<img src="{source}" alt="{html.escape(alt)}">'


def printed_options(cells: list[NotebookNode]) -> str:
    """The options that the next cell with code offers, as lists."""
    following = next((cell for cell in cells if cell.cell_type == "code"), None)
    texts = [x.get("text", "") for x in following.outputs] if following else []
    asked = [line.split("○ ") for line in "".join(texts).splitlines() if "○ " in line]
    lists = ""
    for question, *options in asked:
        items = "".join(f"<li>{html.escape(option.strip())}</li>" for option in options)
        if len(asked) > 1:
            lists += f"<p>{html.escape(question.strip())}</p>"
        lists += f"<ul{' class=row' if len(asked) > 1 else ''}>{items}</ul>"
    return lists
