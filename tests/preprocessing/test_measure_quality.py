"""Why a photograph is poor: the reasons of painted defects, and the measures."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.exceptions import UnreadableImageError
from sk_fiqdr.model_selection import patient_ids
from sk_fiqdr.preprocessing import measure_quality

NAMES = {
    "blur": "out of focus",
    "haze": "hazy",
    "occlusion": "partly covered",
    "over-exposure": "too bright",
    "under-exposure": "too dark",
    "uneven illumination": "unevenly lit",
}


@pytest.fixture(scope="module")
def good():
    return make_fundus(12, image_size=160, poor_fraction=0, random_state=3).data


def test_painted_defects_are_named():
    painted = make_fundus(150, poor_fraction=1, random_state=21)
    reasons = measure_quality(painted.data)["reason"]
    assert (reasons == painted.frame["defect"].map(NAMES)).mean() >= 0.9


def test_good_photographs_are_given_no_reason(good):
    assert (measure_quality(good)["reason"] == "").all()


def test_a_blurred_copy_is_out_of_focus_and_a_darkened_one_too_dark(good):
    blurred = [
        np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(3.5)))
        for image in good
    ]
    before, after = measure_quality(good), measure_quality(np.stack(blurred))
    assert (after["sharpness"] < before["sharpness"]).all()
    assert (after["reason"] == "out of focus").mean() > 0.7
    assert (measure_quality(good // 5)["reason"] == "too dark").all()


def test_neither_a_border_nor_the_size_changes_the_light(good):
    bordered = np.pad(good, ((0, 0), (40, 40), (40, 40), (0, 0)))
    columns = ["brightness", "evenness", "colour"]
    expected = measure_quality(good)[columns]
    found = measure_quality(bordered)[columns]
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_files_are_measured_as_their_pixels(good, tmp_path):
    paths = [tmp_path / f"{k}.png" for k in range(3)]
    for path, image in zip(paths, good, strict=False):
        Image.fromarray(image).save(path)
    found = measure_quality(paths)
    pd.testing.assert_frame_equal(found, measure_quality(good[:3]))
    paths[0].write_bytes(b"<html>")
    with pytest.raises(UnreadableImageError, match=r"0\.png"):
        measure_quality(paths)


@pytest.mark.parametrize("level", [2, 255])
def test_an_image_of_one_colour_has_finite_measures(level):
    image = np.full((1, 64, 64, 3), level, dtype=np.uint8)
    measures = measure_quality(image)
    assert np.isfinite(measures.drop(columns="reason")).all(axis=None)
    assert measures["reason"].tolist() == ["too dark" if level == 2 else "too bright"]


@pytest.mark.realdata
@pytest.mark.slow
def test_the_measures_tell_real_poor_photographs_from_good_ones(real_data):
    labels = pd.read_csv(real_data / "labels" / "quality_label_train.csv")
    poor = labels["quality"].eq(0)
    labels = labels[poor | (labels.index % 10 == 0)]
    folder = real_data / "eyepacs-256" / "images"
    files = {path.stem: path for path in folder.rglob("*.*")}
    labels = labels[labels["image"].isin(files)]
    X = measure_quality([files[name] for name in labels["image"]])
    y = labels["quality"].eq(0)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    score = cross_val_predict(
        model,
        X.drop(columns="reason"),
        y,
        groups=patient_ids(labels["image"]),
        cv=GroupKFold(5),
        method="predict_proba",
    )
    assert roc_auc_score(y, score[:, 1]) > 0.85
