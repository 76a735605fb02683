"""The lines of each client in the guide's table run, and give what they promise."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from sk_fiqdr import DRGrader

PAGE = Path(__file__).parents[2] / "docs" / "user_guide" / "other_tools.rst"
TABLE = PAGE.read_text().split("Metadata routing\n")[0].replace("   * -", "*")
LINES = {
    caption: textwrap.dedent(code)
    for caption, code in re.findall(r" +:caption: (.+)\n\n((?:   +.*\n|\n)+)", TABLE)
}


def run(client, **names):
    """Run the lines of a client after those of the data, with other names if given."""
    here = {}
    exec(LINES["Data"], here)
    here |= names
    exec(LINES[client], here)
    return here


def skops(tmp_path):
    here = run("skops")
    again, net, X = here["again"], here["net"], here["X"]
    assert again is not net
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))


def mlflow_models(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    io = pytest.importorskip("skops.io")
    here = run("MLflow models", io=io)
    net, X = here["net"], here["X"]
    again = mlflow.sklearn.load_model("model")
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))
    model = mlflow.pyfunc.load_model("model")
    np.testing.assert_array_equal(model.predict(X), net.predict(X))
    flavor = model.metadata.flavors["sklearn"]
    assert flavor["serialization_format"] == "skops"
    mlflow.sklearn.save_model(net, "pickled", serialization_format="cloudpickle")
    again = mlflow.sklearn.load_model("pickled")
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))


def mapie(tmp_path):
    here = run("MAPIE")
    in_set, grade = here["in_set"], here["grade"]
    assert in_set.shape == (200, 5, 1)
    assert in_set[np.arange(200), grade, 0].mean() >= 0.9
    np.testing.assert_array_equal(here["grades"], here["grader"].predict(here["X"]))


def crepes(tmp_path):
    here = run("crepes")
    of_truth = here["p_values"][np.arange(200), here["grade"]]
    assert here["p_values"].shape == (200, 5)
    for level in (0.1, 0.5):  # p values of the truth are uniform
        assert (of_truth <= level).mean() == pytest.approx(level, abs=0.06)


def cleanlab(tmp_path):
    here = run("cleanlab")
    y, wrong = here["y"].copy(), [3, 50, 120]
    y[wrong, 0] = (y[wrong, 0] + 2) % 5
    net = here["net"].set_params(max_epochs=30)
    found = run("cleanlab", y=y, grade=y[:, 0], net=net)["suspicious"]
    assert found[wrong].all()
    assert found.sum() < 20


def netcal(tmp_path):
    here = run("netcal")
    proba = here["net"].predict_proba(here["X"])
    right = proba.argmax(axis=1) == here["grade"]
    sure = proba.max(axis=1)
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [
        abs(sure[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    assert here["error"] == pytest.approx(sum(gaps))


def torchmetrics(tmp_path):
    here = run("torchmetrics")
    expected = here["net"].score(here["X"], here["y"])
    assert here["kappa"].item() == pytest.approx(expected, abs=1e-6)


def fairlearn(tmp_path):
    here = run("fairlearn")
    predicted = here["net"].predict(here["X"])
    assert here["frame"].by_group.index.tolist() == ["A", "B"]
    for camera, kappa in here["frame"].by_group.items():
        rows = here["camera"] == camera
        expected = cohen_kappa_score(
            here["grade"][rows], predicted[rows], weights="quadratic"
        )
        assert kappa == pytest.approx(expected)


def shap(tmp_path):
    here = run("shap")
    parts = here["contributions"]
    proba = here["net"].predict_proba(here["X"][:1])
    np.testing.assert_allclose(
        parts.base_values + parts.values.sum(axis=1), proba, atol=1e-6
    )


def imbalanced_learn(tmp_path):
    here = run("imbalanced-learn")
    rare = (here["grade"] != 4) | (np.arange(200) < 20)
    fewer = {"X": here["X"][rare], "grade": here["grade"][rare]}
    trained = run("imbalanced-learn", **fewer)["sampled"][-1]
    assert trained.training_data_[0]["n_samples"] == 5 * 40


def skrub(tmp_path):
    here = run("skrub")
    tabular, frame = here["tabular"], here["frame_of_X"]
    seen = tabular[:-1].transform(frame)
    np.testing.assert_array_equal(tabular.predict(frame), tabular[-1].predict(seen))


def dlordinal(tmp_path):
    here = run("dlordinal")
    before = run("Data")["net"].predict_proba(here["X"])
    assert not np.allclose(here["ordinal"].predict_proba(here["X"]), before)
    assert here["ordinal"].score(here["X"], here["y"]) > 0.5


CLIENTS = {
    "skops": skops,
    "MLflow models": mlflow_models,
    "MAPIE": mapie,
    "crepes": crepes,
    "cleanlab": cleanlab,
    "netcal": netcal,
    "torchmetrics": torchmetrics,
    "fairlearn": fairlearn,
    "shap": shap,
    "imbalanced-learn": imbalanced_learn,
    "skrub": skrub,
    "dlordinal": dlordinal,
}
MODULES = {"MLflow models": "mlflow", "imbalanced-learn": "imblearn"}


def test_each_client_of_the_table_is_tried():
    assert [*LINES] == ["Data", *CLIENTS]


# Their own warnings: nothing that a user of sk_fiqdr could change.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("client", CLIENTS)
def test_the_lines_of_a_client_do_what_the_table_says(client, tmp_path, monkeypatch):
    pytest.importorskip(MODULES.get(client, client.lower()), exc_type=ImportError)
    monkeypatch.chdir(tmp_path)
    CLIENTS[client](tmp_path)


def test_a_sampler_repeats_paths_of_one_column(tiny, fundus, fundus_paths):
    sampling = pytest.importorskip("imblearn.over_sampling")
    column = np.array([str(path) for path in fundus_paths], dtype=object)[:, None]
    grade = np.where(fundus.target[:, 0] > 2, 1, 0)
    sampled, y = sampling.RandomOverSampler(random_state=0).fit_resample(column, grade)
    grader = DRGrader(**tiny).fit(sampled, y)
    assert len(sampled) == 2 * np.bincount(grade).max() > len(column)
    assert grader.predict(column).shape == (24,)
