"""What a cell gave, as HTML for a slide."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from rbm_lib.course.slide_output import picture_html, printed, printed_options, table


def test_a_table_loses_the_numbers_of_its_rows_and_keeps_names():
    row = "<table><tr><th></th><th>p</th></tr><tr><th>{}</th><td>1</td></tr></table>"
    outputs = [new_output("display_data", {"text/html": row.format(x)}) for x in ("0", "a")]

    assert table(outputs[0]) == "<table><tr><th>p</th></tr><tr><td>1</td></tr></table>"
    assert table(outputs[1]) == row.format("a")


def test_what_a_cell_printed_is_escaped():
    assert printed(new_output("stream", text="a < b\n")) == "<pre>a &lt; b</pre>"
    assert printed(new_output("display_data", {"text/html": "<b>"})) == ""


def test_a_picture_is_part_of_the_page():
    expected = '<img src="data:image/png;base64,QUJD" alt="&lt; 3">'

    assert picture_html(b"ABC", "image/png", "< 3") == expected
    assert picture_html("QU\nJD", "image/png", "< 3") == expected


def test_options_are_those_of_the_next_cell_with_code():
    text = new_markdown_cell("Think.")
    one = new_code_cell(outputs=[new_output("stream", text="Larger:  ○ this   ○ that\n")])
    two = new_code_cell(outputs=[new_output("stream", text="A: ○ yes ○ no\nB: ○ x < 1\n")])

    assert printed_options([text, one, two]) == "<ul><li>this</li><li>that</li></ul>"
    assert printed_options([two]) == (
        "<p>A:</p><ul class=row><li>yes</li><li>no</li></ul>"
        "<p>B:</p><ul class=row><li>x &lt; 1</li></ul>"
    )
    assert printed_options([text]) == ""
