"""`sheetml fit` and the commands on the models it writes."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from sheetml.cli import fit
from sheetml.learn import SGD, EmbeddingDotBias, Optimizer, Ratings, load_model
from sheetml.learn.parameters import NAMED_CLASSES
from tests.cli.command import sheetml
from tests.learn.made_ratings import made_ratings

QUICK = ["--factors", "4", "--epochs", "3", "--batch", "16"]
PNG = b"\x89PNG\r\n"


@pytest.fixture
def ratings_file(tmp_path: Path) -> Path:
    """Ratings, with a file of titles beside them; one title looks like a formula and like markup."""
    path = tmp_path / "ratings.csv"
    made_ratings().to_frame().drop(columns="title").to_csv(path, index=False)
    titles = [f"{number},[Film] {number}" for number in range(12, 90, 2)]  # no markup of the terminal's either
    (tmp_path / "movies.csv").write_text("\n".join(["movieId,title", "10,=1+1 <b>bold</b>", *titles]) + "\n")
    return path


@pytest.fixture
def model_file(ratings_file: Path) -> Path:
    output = ratings_file.with_name("model.npz")
    movies = str(ratings_file.with_name("movies.csv"))
    assert sheetml("fit", ratings_file, *QUICK, "--movies", movies, "-o", output, "-q").code == 0
    return output


def test_a_fit_prints_every_epoch_and_writes_the_model(ratings_file: Path) -> None:
    output = ratings_file.with_name("model.npz")
    arguments = ["--optimizer", "adam", "--lr", "1e-2", "--weight-decay", "0.1", "--schedule", "sgdr", "-o", output]
    done = sheetml("fit", ratings_file, *QUICK, *arguments)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("EmbeddingDotBias(factors=4, epochs=3, batch=16, optimizer=Adam(")
    assert lines[1] == "320 ratings of 40 items by 30 users, 80 more for validation"
    assert lines[2].split() == ["epoch", "train", "valid", "rate", "seconds"]
    assert [line.split()[0] for line in lines[3:6]] == ["1", "2", "3"]
    model = load_model(output)
    assert isinstance(model, EmbeddingDotBias)
    assert model.get_params()["optimizer__weight_decay"] == 0.1
    assert [f"{epoch.valid_loss:.5f}" for epoch in model.history_] == [line.split()[2] for line in lines[3:6]]


def test_an_optimizer_that_gives_its_name_can_be_asked_for(ratings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (Optimizer.registry, NAMED_CLASSES):
        monkeypatch.setitem(registry, "Patient", None)  # what is added is taken out again
        monkeypatch.delitem(registry, "Patient")

    class Patient(SGD, name="Patient"):
        """A tenth of the rate."""

    output = ratings_file.with_name("model.npz")
    done = sheetml("fit", ratings_file, *QUICK, "--optimizer", "Patient", "-o", output)
    assert done.out.startswith("EmbeddingDotBias(factors=4, epochs=3, batch=16, optimizer=Patient(")
    assert type(load_model(output).get_params()["optimizer"]) is Patient


def test_the_names_of_models_are_asked_for_without_importing_them_at_once() -> None:
    code = "import sys, sheetml.cli.fit; print('sheetml.learn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_the_command_fits_what_the_library_does(ratings_file: Path) -> None:
    output = ratings_file.with_name("model.npz")
    assert sheetml("fit", ratings_file, *QUICK, "--seed", "3", "-o", output, "-q").out == ""
    train, _ = Ratings.from_csv(ratings_file).split(0.2, 3)
    expected = EmbeddingDotBias(factors=4, epochs=3, batch=16, seed=3).fit(train)
    np.testing.assert_array_equal(load_model(output).predict(train), expected.predict(train))


@pytest.mark.parametrize("kind", ["dot", "net", "mean", "biases", "dot-product", "als", "bayes"])
def test_every_model_can_be_fitted_measured_and_asked(kind: str, ratings_file: Path) -> None:
    output = ratings_file.with_name("model.npz")
    settings = {"bayes": ["--set", "epochs=4", "--set", "burn_in=1"], "dot-product": ["--set", "iterations=50"]}
    assert sheetml("fit", ratings_file, "--model", kind, *settings.get(kind, []), "-o", output).code == 0
    document = sheetml("evaluate", output, ratings_file, "--json").document
    assert document["ratings"] == 400
    assert document["mse"] == pytest.approx(document["rmse"] ** 2)
    assert len(sheetml("recommend", output, "--user", "1", "-n", "3", "--json").document["items"]) == 3


def test_json_holds_the_settings_the_epochs_and_the_measures(ratings_file: Path) -> None:
    output = ratings_file.with_name("model.npz")
    document = sheetml("fit", ratings_file, *QUICK, "-o", output, "--valid", "0", "--json").document
    assert document["model"]["class"] == "EmbeddingDotBias"
    assert document["model"]["settings"]["factors"] == 4
    assert [epoch["epoch"] for epoch in document["epochs"]] == [1, 2, 3]
    assert document["epochs"][0]["valid_loss"] is None
    assert document["validation"] == {}
    assert document["ratings"] == 400


def test_validation_ratings_are_chosen_as_asked(ratings_file: Path) -> None:
    output = ratings_file.with_name("model.npz")
    last = sheetml("fit", ratings_file, *QUICK, "--split", "last", "-o", output, "--json").document
    assert last["validation_ratings"] == 30
    time = sheetml(
        "fit", ratings_file, *QUICK, "--split", "time", "--valid", "0.1", "-o", output, "--json", "--overwrite"
    ).document
    assert time["validation_ratings"] == 40


def test_an_interrupted_fit_goes_on_from_its_checkpoint(ratings_file: Path) -> None:
    checkpoint, output = ratings_file.with_name("checkpoint.npz"), ratings_file.with_name("model.npz")
    common = [ratings_file, "--factors", "4", "--batch", "16", "--checkpoint", checkpoint, "-o", output, "--json"]
    sheetml("fit", *common, "--epochs", "2")
    resumed = sheetml("fit", *common, "--epochs", "4", "--resume").document
    whole = sheetml("fit", *common, "--epochs", "4", "--overwrite").document
    assert [each["valid_loss"] for each in resumed["epochs"]] == [each["valid_loss"] for each in whole["epochs"]]


def test_the_report_shows_pictures_and_titles_as_text(ratings_file: Path) -> None:
    page, folder = ratings_file.with_name("fit.html"), ratings_file.with_name("plots")
    movies = ratings_file.with_name("movies.csv")
    done = sheetml("fit", ratings_file, *QUICK, "--movies", movies, "--report", page, "--plots", folder, "-q")
    assert done.code == 0
    text = page.read_text(encoding="utf-8")
    HTMLParser().feed(text)
    assert text.count('<svg class="chart"') == text.count('<svg class="scatter"') == 1
    assert {each.name for each in folder.iterdir()} >= {"loss.png", "components.png"}
    assert all(each.read_bytes().startswith(PNG) for each in folder.iterdir())
    assert "<b>bold</b>" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert "EmbeddingDotBias" in text


def test_the_learning_rate_finder_suggests_and_draws(ratings_file: Path) -> None:
    picture = ratings_file.with_name("rates.png")
    document = sheetml("fit", ratings_file, "--batch", "4", "--find-lr", picture, "--json").document
    assert 1e-5 < document["suggestion"] < 10
    assert len(document["rates"]) == len(document["losses"])
    assert picture.read_bytes().startswith(PNG)
    assert not ratings_file.with_name("ratings.model.npz").exists()
    assert "falls fastest at a learning rate of" in sheetml("fit", ratings_file, "--batch", "4", "--find-lr").out


def test_recommendations_and_similar_items_have_titles(model_file: Path) -> None:
    table = sheetml("recommend", model_file, "--user", "1", "-n", "4", "--least", "1").out
    assert "for user 1" in table
    assert table.count("[Film] ") + table.count("=1+1 <b>bold</b>") == 4
    similar = sheetml("similar", model_file, "--item", "[Film] 20", "-n", "3", "--json").document
    assert similar["item"] == "[Film] 20"
    assert len(similar["items"]) == 3
    assert all(-1 <= each["cosine"] <= 1 for each in similar["items"])


def test_unknown_users_in_the_ratings_are_refused_taken_as_the_mean_or_left_out(model_file: Path) -> None:
    more = model_file.with_name("more.csv")
    more.write_text("userId,movieId,rating\n1,10,4\n999,10,3\n")
    refused = sheetml("evaluate", model_file, more)
    assert refused.code == 2
    assert "the model does not know user 999" in refused.err
    assert sheetml("evaluate", model_file, more, "--unknown", "mean", "--json").document["ratings"] == 2
    skipped = sheetml("evaluate", model_file, more, "--unknown", "skip", "--json").document
    assert (skipped["ratings"], skipped["unknown"]) == (1, 1)
    assert "1 rating, 1 left out" in sheetml("evaluate", model_file, more, "--unknown", "skip").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "als", "--lr", "1"], "the model als has no --lr; its settings are"),
        (["--set", "depth=3"], "the model dot-bias has no --depth"),
        (["--set", "depth"], "'depth' is not NAME=VALUE"),
        (["--set", "factors=many"], "the usual value is 50, and 'many' is not like it"),
        (["--model", "net", "--set", "dropout=[0.1]"], "the usual value is (0.05, 0.5), and '[0.1]' is not like it"),
        (["--set", 'init=[1,"a"]'], "is not like it"),
        (["--lr", "nan"], "the model dot-bias cannot be made: the learning rate must be 0 or more"),
        (["--range", "5:1"], "'5:1' is not data, wide, none"),
        (["--optimizer", "adam", "--momentum", "0.9"], "the optimizer adam has no --momentum"),
        (["--cycle-len", "2"], "belong to --schedule sgdr"),
        (["--user-column", "who"], "no column 'who' for the user"),
        (["--patience", "1", "--valid", "0"], "early stopping needs validation ratings"),
        (["--model", "als", "--find-lr"], "has no learning rate to find"),
        (["--lr", "1e9", "--range", "none", "--epochs", "9"], "the learning rate is too high"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_2(
    arguments: list[str], message: str, ratings_file: Path
) -> None:
    done = sheetml("fit", ratings_file, *arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not ratings_file.with_name("ratings.model.npz").exists()


def test_the_ratings_are_never_overwritten(ratings_file: Path) -> None:
    before = ratings_file.read_bytes()
    for option in ("-o", "--report", "--checkpoint"):
        done = sheetml("fit", ratings_file, *QUICK, option, ratings_file)
        assert done.code == 2
        assert "is read by this command: name another file to write" in done.err
    assert ratings_file.read_bytes() == before


def test_settings_without_an_option_of_their_own_are_set_by_name(ratings_file: Path) -> None:
    output = ratings_file.with_name("model.npz")
    settings = ["--set", "hidden=3", "--set", "dropout=[0,0.25]", "--set", "init=he", "--set", "dtype=float32"]
    assert sheetml("fit", ratings_file, "--model", "net", *QUICK, *settings, "-o", output, "-q").code == 0
    fitted = load_model(output).get_params()
    assert (fitted["hidden"], fitted["dropout"], fitted["init"], fitted["dtype"]) == (3, (0, 0.25), "he", "float32")


def test_the_search_for_a_rate_is_drawn_in_a_terminal(ratings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "results", lambda: Console(force_terminal=True, width=100))
    assert "loss by learning rate" in sheetml("fit", ratings_file, "--batch", "4", "--find-lr").out


@pytest.mark.parametrize("kind", ["als", "dot-bias"])
def test_ratings_on_disk_are_fitted_and_leave_nothing_behind(kind: str, ratings_file: Path) -> None:
    output = ratings_file.with_name("model.npz")
    before = set(ratings_file.parent.iterdir())
    done = sheetml("fit", ratings_file, "--out-of-core", "--model", kind, "--epochs", "3", "-o", output)
    assert done.code == 0 and "more for validation" in done.out and "validation: mse" in done.out
    assert set(ratings_file.parent.iterdir()) - before == {output}
    assert sheetml("evaluate", output, ratings_file, "--json").document["ratings"] == 400
    refused = sheetml("recommend", output, "--user", "1")
    assert refused.code == 2 and "--rated" in refused.err


def test_what_needs_the_ratings_in_memory_says_so(ratings_file: Path) -> None:
    for more in (["--split", "last"], ["--report", "page.html"], ["--model", "bayes"]):
        done = sheetml("fit", ratings_file, "--out-of-core", *more)
        assert done.code == 2 and "in memory" in done.err
