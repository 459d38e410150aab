"""The playground in docs/playground: its numbers are those of rbm_lib, people can use it.

Where PyTorch is missing, as in `make test-site`, the comparison with rbm_lib is skipped.
"""

import contextlib
import functools
import html
import http.server
import io
import re
import threading
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="needs Playwright: make test-browser")
DOCS = Path(__file__).resolve().parents[2] / "docs"
PHONE = {"width": 390, "height": 844}
PRESETS = ["healthy", "stuck", "saturated", "missing", "bars"]
SAME = {"rel": 1e-9, "abs": 1e-9}

# A model with weights that a preset does not have, and everything the page says of it.
NUMBERS = """({name, weights}) => {
    const state = State.preset(name);
    for (const key of ["W", "b", "c"]) state.model[key] = Float64Array.from(weights[key]);
    const {model} = state;
    const rows = State.toRows(state);
    const hidden = rows.map((_, r) => Rbm.state(r % 2 ** model.nHidden, model.nHidden));
    const list = x => Array.from(x);
    const gradient = Rbm.exactGradient(model, rows);
    return {
        energy: rows.map((row, r) => Rbm.energy(model, row, hidden[r])),
        freeEnergy: rows.map(row => Rbm.freeEnergy(model, row)),
        probH: rows.map(row => list(Rbm.hiddenProbability(model, row))),
        probV: hidden.map(h => list(Rbm.visibleProbability(model, h))),
        logZ: Rbm.logPartition(model),
        logZs: rows.map(row => Rbm.logPartition(model, row.seen)),
        p: list(Rbm.probabilities(model)),
        logLikelihood: Rbm.logLikelihood(model, rows),
        gradient: {W: list(gradient.W), b: list(gradient.b), c: list(gradient.c)},
        chances: rows.map(row => Rbm.predict(model, row)),
        error: Rbm.reconstructionError(model, rows),
        saturation: Rbm.saturation(model, rows),
    };
}"""

# One estimate of the gradient, of a preset's model, from given uniform numbers.
ESTIMATE = """({name, method, numbers}) => {
    const state = State.preset(name);
    let next = 0;
    const uniform = () => numbers[next++];
    const rows = State.toRows(state);
    const gradient = Training.estimate(state.model, rows, method, {}, uniform);
    return [...gradient.W, ...gradient.b, ...gradient.c];
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address():
    handler = functools.partial(Quiet, directory=DOCS)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/playground/index.html"
        server.shutdown()


@pytest.fixture
def visit(browser, address):
    """visit(link, **options of a browser context) → the page, which must have no errors."""
    problems = []
    with contextlib.ExitStack() as stack:

        def start(link="", address=address, **options):
            context = browser.new_context(**options)
            stack.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("request", lambda request: note_foreign(request.url))
            page.goto(address + link)
            return page

        def note_foreign(url):
            if not url.startswith((address.rpartition("/playground")[0], "file:")):
                problems.append(f"loads {url}")

        yield start
    assert problems == []


@pytest.fixture(scope="module")
def shared_page(browser, address):
    """One page for tests that only compute."""
    page = browser.new_page()
    page.goto(address)
    yield page
    page.close()


def state_of(page):
    """What a link would hold, with the weights as lists."""
    return page.evaluate("""() => {
        const {model, ...rest} = App.app.state;
        return {...rest, W: [...model.W], b: [...model.b], c: [...model.c]};
    }""")


def numbers_on(page):
    return page.locator("dl.numbers").inner_text()


# The same numbers as rbm_lib


@pytest.fixture
def library(shared_page):
    """library(preset) → (model, ratings, observed) of the preset in rbm_lib."""
    torch = pytest.importorskip("torch", reason="needs PyTorch: make test-browser")
    from rbm_lib import RBM

    def make(name, weights=None):
        preset = shared_page.evaluate(
            """name => {
            const state = State.preset(name);
            const {nVisible, nHidden, W, b, c} = state.model;
            const rows = State.toRows(state);
            return {nVisible, nHidden, W: [...W], b: [...b], c: [...c],
                v: rows.map(row => row.v), seen: rows.map(row => row.seen)};
        }""",
            name,
        )
        preset |= weights or {}
        model = RBM(preset["nVisible"], preset["nHidden"]).double()
        with torch.no_grad():
            W, b, c = (torch.tensor(preset[key], dtype=torch.float64) for key in "Wbc")
            model.W.copy_(W.view_as(model.W))
            model.visible_bias.copy_(b)
            model.hidden_bias.copy_(c)
        ratings = torch.tensor(preset["v"], dtype=torch.float64)
        return model, ratings, torch.tensor(preset["seen"]).bool()

    return make


def random_weights(library, name):
    """Weights of a preset's size that no one has chosen, as lists."""
    import torch

    model, _, _ = library(name)
    generator = torch.Generator().manual_seed(PRESETS.index(name))
    sizes = {"W": model.W.numel(), "b": model.n_visible, "c": model.n_hidden}
    return {
        key: (2 * torch.randn(n, generator=generator).double()).tolist()
        for key, n in sizes.items()
    }


@pytest.mark.parametrize("name", PRESETS)
def test_exact_numbers_are_those_of_the_library(library, shared_page, name):
    weights = random_weights(library, name)
    model, v, seen = library(name, weights)
    from rbm_lib.likelihood import (
        binary_states,
        exact_gradient,
        exact_log_likelihood,
        exact_log_partition,
    )
    from rbm_lib.recommend import predict
    from rbm_lib.training import reconstruction_error, saturation

    page = shared_page.evaluate(NUMBERS, {"name": name, "weights": weights})

    h = binary_states(model.n_hidden, like=v)[
        [r % 2**model.n_hidden for r in range(len(v))]
    ]
    every_v = binary_states(model.n_visible, like=v)
    prob_h = model.prob_h_given_v(v, seen)
    expected = {
        "energy": model.energy(v, h, seen),
        "freeEnergy": model.free_energy(v, seen),
        "logZs": exact_log_partition(model, seen),
        "p": exact_log_likelihood(model, every_v).exp(),
    }
    for key, value in expected.items():
        assert page[key] == pytest.approx(value.tolist(), **SAME), key
    tables = {
        "probH": prob_h,
        "probV": model.mean_v_given_h(h),
        "chances": predict(model, v, seen, method="exact"),
    }
    for key, table in tables.items():
        for row, values in zip(page[key], table.tolist(), strict=True):
            assert row == pytest.approx(values, **SAME), key
    gradient = exact_gradient(model, v, seen)
    for key, parameter in {"W": "W", "b": "visible_bias", "c": "hidden_bias"}.items():
        values = gradient[parameter].flatten().tolist()
        assert page["gradient"][key] == pytest.approx(values, **SAME), key

    log_likelihood = exact_log_likelihood(model, v, seen).mean().item()
    assert page["logZ"] == pytest.approx(exact_log_partition(model).item(), **SAME)
    assert page["logLikelihood"] == pytest.approx(log_likelihood, **SAME)
    assert page["error"] == pytest.approx(reconstruction_error(model, v, seen), **SAME)
    assert page["saturation"] == pytest.approx(saturation(prob_h), **SAME)


@pytest.mark.parametrize("name", ["healthy", "missing", "bars"])
@pytest.mark.parametrize("method", ["cd1", "cd10", "pcd"])
def test_estimated_gradients_are_those_of_the_library(library, shared_page, name, method):
    model, v, seen = library(name)
    import torch

    from rbm_lib import CD, PCD
    from rbm_lib.models.visible_data import as_visible_data

    estimator = {"cd1": CD(k=1), "cd10": CD(k=10), "pcd": PCD(k=1)}[method]
    generator = torch.Generator().manual_seed(0)
    data = as_visible_data(model, v, seen)
    estimator.prepare(model, data, len(v), generator)
    gradient = estimator.gradient(model, data.all(), generator)
    parameters = ("W", "visible_bias", "hidden_bias")
    expected = torch.cat([gradient[key].flatten() for key in parameters]).tolist()

    n_sweeps = 10 if method == "cd10" else 1
    numbers = drawn_numbers(model, len(v), n_sweeps, mean_last=method != "pcd")
    request = {"name": name, "method": method, "numbers": numbers}
    assert shared_page.evaluate(ESTIMATE, request) == pytest.approx(expected, **SAME)


def drawn_numbers(model, n_rows, n_sweeps, mean_last):
    """The uniform numbers that seed 0 gives: for h, then for v and h of each sweep."""
    import torch

    generator = torch.Generator().manual_seed(0)

    def draw(n_units):
        table = torch.rand(n_rows, n_units, generator=generator, dtype=torch.float64)
        return table.flatten().tolist()

    numbers = draw(model.n_hidden)
    for sweep in range(n_sweeps):
        if not (mean_last and sweep == n_sweeps - 1):
            numbers += draw(model.n_visible)
        numbers += draw(model.n_hidden)
    return numbers


@pytest.mark.parametrize("name", ["healthy", "missing", "bars"])
def test_a_sweep_of_the_chain_is_that_of_the_library(library, visit, name):
    model, v, seen = library(name)
    import torch

    page = visit(f"#preset={name}&speed=slow")
    person = state_of(page)["person"]
    row, mask = v[person : person + 1], seen[person : person + 1]
    generator = torch.Generator().manual_seed(0)
    h = model.sample_h_given_v(row, mask, generator)
    visible = model.sample_v_given_h(h, generator=generator)

    numbers = drawn_numbers(model, 1, 1, mean_last=False)
    page.evaluate(
        """numbers => {
        let next = 0;
        App.app.chainUniform = () => numbers[next++];
    }""",
        numbers,
    )
    page.get_by_role("button", name="Draw hidden").click()
    assert page.evaluate("App.app.chain.h") == h[0].tolist()
    page.get_by_role("button", name="Draw visible").click()
    assert page.evaluate("App.app.chain.row.v") == visible[0].tolist()


def test_training_is_that_of_the_library(library, shared_page):
    model, v, seen = library("missing")
    import torch

    from rbm_lib import Exact, fit

    fit(
        model,
        v,
        Exact(),
        observed=seen,
        epochs=30,
        batch_size=len(v),
        lr=0.2,
        optimizer=torch.optim.SGD,
        device="cpu",
        progress=False,
    )

    trained = shared_page.evaluate("""() => {
        const state = State.preset("missing");
        const rows = State.toRows(state);
        for (let i = 0; i < 30; i++) Training.update(state.model, rows, "exact", 0.2, {});
        return [...state.model.W];
    }""")
    assert trained == pytest.approx(model.W.flatten().tolist(), **SAME)


@pytest.mark.parametrize(
    "name, method",
    [("healthy", "cd1"), ("saturated", "cd10"), ("missing", "exact"), ("bars", "pcd")],
)
def test_the_python_to_copy_runs_and_prints_the_same(library, visit, name, method):
    library(name)  # skips without PyTorch
    page = visit(f"#preset={name}&method={method}")
    page.get_by_role("button", name="Copy as rbm_lib").click()
    code = page.locator("#code").input_value()

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "playground.py", "exec"), {})

    said = dict(re.findall(r"^([\w -]+): (-?[\d.]+)$", printed.getvalue(), re.MULTILINE))
    log_z, log_likelihood = page.evaluate(
        "[App.app.exact.logZ, App.app.history[0].logLikelihood]"
    )
    rounding = 1e-3 * (1 + abs(log_z))  # the code has three decimals of each parameter
    assert float(said["log Z"]) == pytest.approx(log_z, abs=rounding)
    assert float(said["log-likelihood"]) == pytest.approx(log_likelihood, abs=rounding)
    assert "after 200 updates: -" in printed.getvalue()


# What it teaches


def test_reconstruction_error_falls_while_the_likelihood_goes_wrong(shared_page):
    curve = shared_page.evaluate("""() => {
        const state = State.preset("bars");
        const rows = State.toRows(state);
        const uniform = Training.generator(state.seed + 1);
        const curve = [];
        for (let updates = 0; updates <= 4000; updates++) {
            if (updates % 500 === 0) curve.push([
                Rbm.logLikelihood(state.model, rows),
                Rbm.reconstructionError(state.model, rows)]);
            Training.update(state.model, rows, state.method, state.rate, {}, uniform);
        }
        return curve;
    }""")
    likelihoods, errors = zip(*curve, strict=True)
    assert max(likelihoods) > likelihoods[-1] + 0.5
    assert errors[-1] < errors[likelihoods.index(max(likelihoods))] / 5


def test_the_stuck_chain_stays_on_one_of_two_equal_hills(visit):
    page = visit("#preset=stuck&speed=slow")
    shares = page.evaluate("""() => {
        const {app} = App;
        for (let half = 0; half < 1000; half++) app.stepChain();
        const share = films => (app.chain.visits.get(films) ?? 0) / app.chain.sweeps;
        return {p: [app.exact.p[0b000111], app.exact.p[0b111000]],
            visits: [share(0b000111), share(0b111000)]};
    }""")
    assert shares["p"][0] == pytest.approx(shares["p"][1])
    assert min(shares["visits"]) == 0 and max(shares["visits"]) > 0.8


def test_missing_coded_as_0_lowers_a_chance_that_training_without_it_restores(visit):
    page = visit("#preset=missing")
    chance = "Ada, Solaris: not seen, chance of a like"
    cell = page.get_by_role("button", name=chance)
    assert cell.inner_text() == "37"

    page.get_by_label("dropped").check()
    page.evaluate("App.app.train(400)")
    assert int(cell.inner_text()) > 80


# Links


def test_a_link_holds_all_of_the_state(visit):
    page = visit("#preset=healthy")
    page.get_by_role("button", name="Ada, Dune: like").click()
    page.get_by_label("PCD").check()
    page.get_by_label("rate").select_option("0.05")
    page.get_by_label("coded as 0").check()
    page.get_by_role("button", name="One update").click()
    before = state_of(page)

    page.reload()
    after = state_of(page)
    for key in ("W", "b", "c"):
        assert after.pop(key) == pytest.approx(before.pop(key), abs=5e-4)  # three decimals
    assert after == before
    assert after["rows"][0] == "10_00_"


def test_what_people_change_wins_over_the_link_they_came_by(visit):
    page = visit("?preset=bars&method=exact&hide=hint")
    page.get_by_label("CD-1", exact=True).check()

    page.reload()
    state = state_of(page)
    assert (state["preset"], state["method"], state["hide"]) == ("bars", "cd1", ["hint"])


def test_a_frame_without_rights_still_shows_it(visit, address):
    page = visit()
    page.set_content(f'<iframe sandbox="allow-scripts" src="{address}"></iframe>')
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="One update").click()
    assert frame.locator("#updates").inner_text() == "1"


def test_a_link_hides_what_an_exercise_should_not_show(visit):
    page = visit("?hide=presets,gradient,weights#preset=stuck")
    for part in ("presets", "gradient", "weights"):
        assert page.locator(f"[data-part={part}]").first.is_hidden()
    assert page.locator("#landscape").is_visible()

    page.get_by_role("button", name="Share a link").click()
    page.get_by_role("checkbox", name="Landscape").uncheck()
    link = page.get_by_label("Link", exact=True).input_value()
    page.goto(link.replace("?hide=presets,gradient,weights", ""))
    page.reload()
    assert page.locator("#landscape").is_hidden() and page.locator("#presets").is_hidden()


@pytest.mark.parametrize(
    "link",
    ["#preset=x&W=1,2&rate=7&person=99&rows=1.2", "#hidden=1e9&W=,&b=NaN&seed=-1&hide=x"],
)
def test_what_makes_no_sense_in_a_link_is_ignored(visit, link):
    assert state_of(visit(link)) == state_of(visit())


# People


@pytest.mark.parametrize("name", ["healthy", "bars"])
@pytest.mark.parametrize(
    "options",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": PHONE}],
    ids=["light", "dark", "phone"],
)
def test_axe_finds_nothing(visit, name, options):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit(f"#preset={name}", **options)
    page.get_by_role("button", name="Draw hidden").click()

    violations = axe.Axe().run(page).response["violations"]
    assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in violations] == []
    page.get_by_role("button", name="Share a link").click()
    assert axe.Axe().run(page).response["violations"] == []


def test_everything_can_be_done_by_keyboard(visit):
    page = visit()
    name = page.get_by_role("button", name="Ada", exact=True)
    name.focus()
    page.keyboard.press("Tab")  # one stop for all cells
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert state_of(page)["rows"][0] == "10_00_"

    weight = page.get_by_role("spinbutton", name="weight of Alien and h1")
    before = float(weight.get_attribute("aria-valuenow"))
    weight.focus()
    page.keyboard.press("ArrowUp")
    assert float(weight.get_attribute("aria-valuenow")) == pytest.approx(before + 0.1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("0")
    other = page.get_by_role("spinbutton", name="weight of Alien and h2")
    assert float(other.get_attribute("aria-valuenow")) == 0

    state = page.locator("#states button").nth(1)
    state.focus()
    page.keyboard.press("Enter")
    index = int(state.get_attribute("data-index"))
    assert page.evaluate("Rbm.indexOf(App.app.chain.row.v)") == index


def test_a_weight_can_be_dragged(visit):
    page = visit()
    box = page.get_by_role("spinbutton", name="bias of h1").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    log_z = page.locator("#log-z").inner_text()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y)
    page.mouse.up()

    assert state_of(page)["c"][0] == pytest.approx(-0.25 + 2, abs=0.06)
    assert page.locator("#log-z").inner_text() != log_z


@pytest.mark.parametrize("name", PRESETS)
def test_a_phone_shows_everything_without_scrolling_sideways(visit, name):
    page = visit(f"#preset={name}", viewport=PHONE, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("motion, moves", [("no-preference", True), ("reduce", False)])
def test_the_ball_hops_unless_people_want_no_motion(visit, motion, moves):
    page = visit("#preset=healthy&person=1", reduced_motion=motion)
    pictures = page.evaluate("""async () => {
        const picture = () => document.getElementById("landscape").toDataURL();
        App.app.putBall([1, 1, 1, 0, 0, 0]);
        await new Promise(resolve => setTimeout(resolve, 1000));
        App.app.putBall([0, 0, 0, 1, 1, 1]);
        const first = picture();
        await new Promise(resolve => setTimeout(resolve, 1000));
        return [first, picture()];
    }""")
    assert (pictures[0] != pictures[1]) == moves


def test_it_works_from_a_folder_on_disk(visit):
    page = visit(address=(DOCS / "playground" / "index.html").as_uri())
    page.get_by_role("button", name="One update").click()
    assert page.locator("#updates").inner_text() == "1"
    assert "log Z" in numbers_on(page)


def test_it_works_in_a_frame_below_a_cell(visit, tmp_path):
    pytest.importorskip("torch")
    from rbm_lib.course.playground import _whole_page

    file = tmp_path / "cell.html"
    page = html.escape(_whole_page(DOCS / "playground", "bars"))
    file.write_text(f'<iframe srcdoc="{page}" width="900" height="800"></iframe>')

    frame = visit(address=file.as_uri()).frame_locator("iframe")

    frame.get_by_role("button", name="One update").click()
    assert frame.locator("#updates").inner_text() == "1"
    assert frame.get_by_text("Picture 14").count() == 1
    assert frame.get_by_role("button", name="Share a link").count() == 0
