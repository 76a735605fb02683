"""The report of a model on one page: its figures, and what it does without some."""

import copy
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.inspection import estimator_report
from sk_fiqdr.metrics import grading_report, quality_report, refusal_report
from sk_fiqdr.model_selection import PatientLeakageError, QualityGate, patient_ids

FEW = {"n_bootstraps": 50, "n_images": 2}


@pytest.fixture(scope="module")
def files(fundus, tmp_path_factory):
    """Photographs whose names would be tags in HTML, were they not escaped."""
    folder = tmp_path_factory.mktemp("eyes")
    paths = []
    for image, patient, eye in zip(
        fundus.data, fundus.groups, fundus.frame["eye"], strict=True
    ):
        paths.append(folder / f"<b>{patient}&_{eye}.png")
        Image.fromarray(image).save(paths[-1])
    return paths


def sections(report):
    return re.findall(r'<section id="(\w+)">', report.html)


@pytest.fixture
def net(tiny, fundus):
    return FIQDRClassifier(**tiny | {"max_epochs": 4}).fit(fundus.data, fundus.target)


def test_the_tables_are_those_of_the_metrics(net, files, fundus):
    report = estimator_report(net, files, fundus.target, **FEW)
    patients, y = patient_ids(files), fundus.target
    grade, quality = net.predict(files), net.predict_quality(files)
    expected = {
        "grading": grading_report(y, grade, groups=patients, n_bootstraps=50),
        "quality": quality_report(y[:, 1], quality, groups=patients, n_bootstraps=50),
        "refusing": refusal_report(
            y,
            grade,
            net.predict_quality_proba(files)[:, 1] < 0.5,
            groups=patients,
            n_bootstraps=50,
        ),
    }
    predicted_poor = np.array(files)[quality == 0]
    assert report.tables["reasons"]["predicted poor"].sum() == len(predicted_poor) > 0
    for key, table in expected.items():
        pd.testing.assert_frame_equal(report.tables[key], table)
    kappa = expected["grading"].loc["kappa", "value"]
    assert f"<strong>{kappa:.3f}</strong>quadratic weighted kappa" in report.html
    assert "<strong>24</strong>images<small>of 12 patients" in report.html
    assert report.tables["data"].loc["images", "count"] == 24
    assert report.tables["settings"].loc["image_size", "value"] == "48"
    assert sections(report) == [
        "grading",
        "quality",
        "refusing",
        "reliability",
        "features",
        "examples",
        "mistakes",
        "data",
        "settings",
    ]


def test_names_and_titles_are_text_and_no_code(net, files, fundus):
    report = estimator_report(
        net, files, fundus.target, title="<script>alert(1)</script>", **FEW
    )
    assert "<script" not in report.html
    assert "<b>" not in report.html
    assert "&lt;script&gt;alert(1)" in report.html


def test_the_same_call_makes_the_same_page(net, fundus):
    pages = {
        estimator_report(
            net, fundus.data, fundus.target, groups=fundus.groups, **FEW
        ).html
        for _ in range(2)
    }
    assert len(pages) == 1


def test_photographs_in_memory_are_called_by_their_rows_and_nothing_is_left_open(
    net, fundus
):
    import matplotlib.pyplot as plt

    report = estimator_report(net, fundus.data, fundus.target, **FEW)
    assert plt.get_fignums() == []
    assert "mistakes" in sections(report)
    assert "<strong>24</strong>images<small></small>" in report.html


@pytest.mark.parametrize("estimator", [DRGrader, QualityClassifier])
def test_a_single_task_has_its_own_sections_only(estimator, tiny, fundus):
    column = 0 if estimator is DRGrader else 1
    y = fundus.target[:, column]
    net = estimator(**tiny).fit(fundus.data, y)
    report = estimator_report(net, fundus.data, y, **FEW)
    assert ("grading" in report.tables) == (estimator is DRGrader)
    assert ("quality" in report.tables) == (estimator is QualityClassifier)
    assert "refusing" not in report.tables
    both = estimator_report(net, fundus.data, fundus.target, **FEW)
    assert list(both.tables) == list(report.tables)


def test_features_have_no_photographs_to_show(fitted):
    net, X, y = fitted
    report = estimator_report(net, X, y, **FEW)
    assert not {"examples", "mistakes", "data"} & set(sections(report))
    assert {"grading", "quality", "features", "settings"} <= set(sections(report))


def test_pipelines_gates_and_other_classifiers_are_reported(fitted):
    net, X, y = fitted
    pipe = make_pipeline(StandardScaler(), FrozenEstimator(net)).fit(X, y)
    assert "grading" in estimator_report(pipe, X, y, **FEW).tables
    gate = QualityGate(FrozenEstimator(net), threshold=0.4, cv="prefit").fit(X, y)
    report = estimator_report(gate, X, y, **FEW)
    assert "below 0.40 were" in report.html
    other = LogisticRegression().fit(X, y[:, 0])
    assert "grading" in estimator_report(other, X, y[:, 0], **FEW).tables


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_a_gate_is_reported_with_its_price(threshold, fitted):
    net, X, y = fitted
    gate = QualityGate(FrozenEstimator(net), threshold=threshold, cv="prefit")
    gate.fit(X, y)
    report = estimator_report(gate, X, y, **FEW)
    table = report.tables["refusing"][["n", "refused", "kappa", "kappa_graded"]]
    pd.testing.assert_frame_equal(table, gate.report(X, y)[list(table)])
    n_refused = int((~gate.is_gradable(X)).sum())
    assert (n_refused > 0) == (threshold > 0)
    told = f"{n_refused} images of known grade were not graded" in report.html
    assert told == (n_refused > 0)


def test_arrays_say_that_nothing_tells_the_eyes(net, fundus):
    report = estimator_report(
        net, fundus.data, fundus.target, groups=fundus.groups, **FEW
    )
    assert "patients with both eyes graded" not in report.tables["data"].index
    assert "Which eye an image is of is not known." in report.html


def test_both_eyes_of_a_patient_are_compared(net, files, fundus):
    report = estimator_report(net, files, fundus.target, **FEW)
    counts = report.tables["data"]["count"]
    eyes = pd.DataFrame({"patient": fundus.groups, "grade": fundus.target[:, 0]})
    n_grades = eyes.groupby("patient")["grade"].nunique()
    assert counts["patients with both eyes graded"] == len(n_grades) == 12
    assert counts["left and right grades differ"] == (n_grades > 1).sum()


def test_settings_are_the_same_on_every_machine(fitted, tmp_path):
    net, X, y = fitted
    net = copy.deepcopy(net).set_params(checkpoint_dir=tmp_path / "kept")
    settings = estimator_report(net, X, y, **FEW).tables["settings"]["value"]
    assert settings["checkpoint_dir"] == "kept"
    assert settings["criterion"] == "WeightedCenterLoss"
    assert not settings.str.contains(str(tmp_path), regex=False).any()
    assert not settings.str.contains("0x").any()


def test_without_labels_of_a_task_its_section_says_so(net, fundus):
    y = fundus.target.copy()
    y[:, 1] = -1
    report = estimator_report(net, fundus.data, y, **FEW)
    assert "No row has both a quality label and a prediction." in report.html
    assert "quality" not in report.tables
    assert "grading" in report.tables


def test_one_class_and_one_patient_are_told_and_not_fatal(net, fundus):
    good = np.flatnonzero(fundus.target[:, 1] == 1)[:6]
    report = estimator_report(
        net, fundus.data[good], fundus.target[good], groups=np.zeros(6), **FEW
    )
    assert np.isnan(report.tables["quality"].loc["mean_acc", "value"])
    assert "“ROC of poor images” is not shown. The curve needs poor and" in report.html


def test_without_captum_the_maps_are_left_out_with_the_reason(net, fundus, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "captum", None)
    monkeypatch.setitem(__import__("sys").modules, "captum.attr", None)
    monkeypatch.delitem(
        __import__("sys").modules, "sk_fiqdr.inspection._grad_cam", raising=False
    )
    report = estimator_report(net, fundus.data, fundus.target, **FEW)
    assert "sk-fiqdr[inspection]" in report.html
    assert "mistakes" in sections(report)


def test_unreadable_photographs_count_nowhere(tiny, files, fundus, tmp_path):
    broken = tmp_path / "77_left.png"
    broken.write_text("<html>")
    net = FIQDRClassifier(**tiny, on_error="skip").fit(files, fundus.target)
    report = estimator_report(
        net, [*files, broken], np.vstack([fundus.target, [2, 1]]), **FEW
    )
    assert report.tables["grading"].loc["n", "value"] == 24
    assert report.tables["data"].loc["unreadable files", "count"] == 1


def test_a_leak_is_no_report(tiny, files, fundus):
    net = FIQDRClassifier(**tiny).fit(files[::2], fundus.target[::2])
    with pytest.raises(PatientLeakageError):
        estimator_report(net, files[1::2], fundus.target[1::2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [[0, 1]]}, "24 rows of X and 1 of y"),
        ({"y": [0] * 24}, "y must have two columns"),
        ({"groups": [1, 2]}, "patient of each of the 24 rows"),
        ({"n_images": -1}, r"'n_images' .*\[0, inf\)\. Got -1"),
        ({"n_bootstraps": -1}, "n_bootstraps"),
    ],
)
def test_bad_input_is_told(change, message, net, fundus):
    arguments = {"y": fundus.target, **FEW, **change}
    y = arguments.pop("y")
    with pytest.raises(ValueError, match=message):
        estimator_report(net, fundus.data, y, **arguments)


def test_save_writes_whole_files_and_names_bad_places(fitted, tmp_path):
    net, X, y = fitted
    report = estimator_report(net, X, y, **FEW)
    path = report.save(tmp_path / "a report ü.html")
    assert path.read_text(encoding="utf-8") == report.html
    assert [p.name for p in tmp_path.iterdir()] == ["a report ü.html"]
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        report.save(tmp_path / "none" / "report.html")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        report.save(tmp_path)


def test_a_notebook_shows_it_in_a_frame_of_its_own(fitted):
    net, X, y = fitted
    shown = estimator_report(net, X, y, title='"A" & <B>', **FEW)._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "<style>" not in shown
