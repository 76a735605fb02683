"""Labels as people have them: words, truth values, 1 and 2, EyeQ's, frames."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import cross_val_predict

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.baselines import EdgeIntensityClassifier
from sk_fiqdr.metrics import kappa_scorer

GOOD = np.random.default_rng(0).random(80) < 0.8
X = np.random.default_rng(1).normal(size=(80, 4)).astype(np.float32)
X[:, 0] += 2 * GOOD
HEADS = {"backbone": None, "max_epochs": 8, "random_state": 0}


@pytest.mark.parametrize(
    ("poor", "good"),
    [
        ("Inadequate", "Adequate"),
        ("poor", "good"),
        ("Reject", "Accept"),
        ("ungradable", "gradable"),
        ("Low Quality", "high_quality"),
        ("0", "1"),
        (False, True),
        (0.0, 1.0),
    ],
)
def test_the_poor_class_is_known_by_its_name_and_weighed_up(poor, good):
    net = QualityClassifier(**HEADS).fit(X, np.where(GOOD, good, poor))
    weights = dict(zip(net.classes_.tolist(), net.class_weights_.tolist(), strict=True))
    assert weights == {poor: 27, good: 1}
    assert net.poor_label_ == poor
    numbers = QualityClassifier(**HEADS).fit(X, GOOD.astype(int))
    agree = (net.predict(X) == poor) == (numbers.predict(X) == 0)
    # Codes that are the other way round begin at other random weights.
    assert agree.mean() > 0.9


@pytest.mark.parametrize(("poor", "good"), [(1, 2), (2, 1), ("A", "B"), ("B", "A")])
def test_which_of_two_unknown_labels_is_poor_is_asked_for(poor, good):
    y = np.where(GOOD, good, poor)
    with pytest.warns(UserWarning, match="Pass poor_label=.* or poor_label=") as said:
        net = QualityClassifier(**HEADS).fit(X, y)
    assert said[0].filename == __file__
    assert net.class_weights_.tolist() == [1, 1]
    assert net.poor_label_ is None
    net = QualityClassifier(**HEADS, poor_label=poor).fit(X, y)
    weights = dict(zip(net.classes_.tolist(), net.class_weights_.tolist(), strict=True))
    assert weights == {poor: 27, good: 1}


def test_where_no_class_weighs_more_nothing_is_asked():
    y = np.where(GOOD, "A", "B")
    for beta in (1, "balanced", [2, 2]):
        QualityClassifier(**HEADS, beta=beta).fit(X, y)


def test_a_poor_label_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="poor_label='bad' is not a label in y, which"):
        QualityClassifier(**HEADS, poor_label="bad").fit(X, GOOD.astype(int))


def test_beta_for_each_class_and_balanced_are_of_poor_and_good():
    y = np.where(GOOD, "good", "poor")
    net = QualityClassifier(**HEADS, beta=[5, 2]).fit(X, y)
    assert net.class_weights_.tolist() == [2, 5]
    net = QualityClassifier(**HEADS, beta="balanced").fit(X, y)
    np.testing.assert_allclose(net.class_weights_, [1, GOOD.sum() / (~GOOD).sum()])


def test_poor_label_is_saved_with_the_net(tmp_path):
    net = QualityClassifier(**HEADS, poor_label=2).fit(X, np.where(GOOD, 1, 2))
    net.save_pretrained(tmp_path / "model")
    again = QualityClassifier.from_pretrained(tmp_path / "model")
    assert again.poor_label_ == 2
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_text_classes_are_predicted_beside_rows_that_could_not_be_read():
    y = np.where(GOOD, "good", "poor")
    net = QualityClassifier(**HEADS, on_error="skip").fit(X, y)
    holed = X.copy()
    holed[3] = np.nan
    said = net.predict(holed)
    assert said[3] == -1
    assert set(np.delete(said, 3)) <= {"good", "poor"}
    assert 0 < net.score(holed, y) <= 1


# An unknown label that became a class


def test_six_grades_are_refused_with_the_reason():
    y = np.resize([-1, 0, 1, 2, 3, 4], 80)
    DRGrader(**HEADS).fit(X, y)
    for train in (
        lambda: BaggingClassifier(DRGrader(**HEADS), n_estimators=2).fit(X, y),
        lambda: cross_val_predict(DRGrader(**HEADS), X, y, method="predict_proba"),
    ):
        with pytest.raises(ValueError, match=r"eave rows of unknown (label|grade) out"):
            train()


def test_three_qualities_are_refused_with_the_reason():
    y = np.resize([-1, 0, 1], 80)
    bagged = BaggingClassifier(QualityClassifier(**HEADS), n_estimators=2)
    with pytest.raises(ValueError, match=r"eave rows of unknown (label|quality) out"):
        bagged.fit(X, y)


@pytest.mark.parametrize(
    "y",
    [
        np.where(GOOD, 1, -1).astype(np.uint8),
        np.where(GOOD, "1", "-1"),
        np.where(GOOD, "good", "-1").astype(object),
    ],
)
def test_an_unknown_label_in_disguise_is_refused(y):
    with pytest.raises(ValueError, match="in row 5, where -1, unknown, seems"):
        QualityClassifier(**HEADS).fit(X, np.roll(y, 5 - np.flatnonzero(~GOOD)[0]))


# EyeQ's, which counts the other way round


def test_labels_called_after_eyeq_are_refused():
    for name in ("eyeq_quality", "EyeQ", "quality_eyeq"):
        y = pd.Series(GOOD.astype(int), name=name)
        with pytest.raises(ValueError, match="load_eyeq"):
            QualityClassifier(**HEADS).fit(X, y)
        with pytest.raises(ValueError, match="load_eyeq"):
            FIQDRClassifier(**HEADS).fit(X, pd.DataFrame({"grade": 1, name: y}))


def test_three_grades_of_quality_are_named_as_eyeqs():
    with pytest.raises(ValueError, match=r"EyeQ counts 0 good.*map\(\{0: 1, 1: 1"):
        QualityClassifier(**HEADS).fit(X, np.arange(80) % 3)


# Frames


@pytest.mark.parametrize(
    ("grade", "quality"),
    [("grade", "quality"), ("DR_grade", "Quality"), ("diagnosis", "image quality")],
)
def test_columns_of_a_frame_are_taken_by_name_in_any_order(grade, quality):
    columns = {quality: GOOD.astype(int), grade: np.arange(80) % 2}
    right = FIQDRClassifier(**HEADS).fit(X, np.column_stack([*columns.values()][::-1]))
    for y in (pd.DataFrame(columns), pd.DataFrame({**columns, "image": "a"})):
        net = FIQDRClassifier(**HEADS).fit(X, y)
        assert net.training_data_ == right.training_data_
        assert kappa_scorer(net, X, y) == right.score(X, y)


@pytest.mark.parametrize(
    "names", [("quality", "stage"), ("x", "grade"), ("grade", "level"), ("quality", 0)]
)
def test_names_that_contradict_their_place_are_refused(names):
    y = pd.DataFrame(np.zeros((80, 2), dtype=int), columns=list(names))
    with pytest.raises(ValueError, match=r"pass y\[\['grade', 'quality'\]\]"):
        FIQDRClassifier(**HEADS).fit(X, y)


def test_columns_without_names_of_tasks_are_taken_by_place():
    y = np.column_stack([np.arange(80) % 5, GOOD])
    net = FIQDRClassifier(**HEADS).fit(X, pd.DataFrame(y))
    assert net.training_data_ == FIQDRClassifier(**HEADS).fit(X, y).training_data_


def test_words_in_two_columns_are_refused_with_the_mapping_to_write():
    frame = pd.DataFrame({"grade": 1, "quality": np.where(GOOD, "Adequate", "so-so")})
    with pytest.raises(ValueError, match=r"'Adequate': 1, 'so-so': \.\.\.") as error:
        FIQDRClassifier(**HEADS).fit(X, frame)
    frame["quality"] = np.where(GOOD, "Adequate", "Inadequate")
    with pytest.raises(ValueError, match="Say what the words mean: ") as error:
        FIQDRClassifier(**HEADS).fit(X, frame)
    line = str(error.value).split("mean: ")[1].rstrip(".")
    mapped = frame.assign(quality=eval(line, {"frame": frame}))
    FIQDRClassifier(**HEADS).fit(X, mapped)


def test_a_reference_is_made_of_good_images_whichever_label_sorts_first():
    good = np.resize([0, 1], 12)
    images = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)
    images[good == 0] //= 4
    by_number = EdgeIntensityClassifier().fit(images, good)
    words = np.where(good, "Adequate", "Inadequate")
    by_word = EdgeIntensityClassifier().fit(images, words)
    np.testing.assert_array_equal(
        by_word.transform(images), by_number.transform(images)
    )
    assert (by_word.predict(images) == words).mean() == by_number.score(images, good)
    with pytest.warns(UserWarning, match="1 and 2, which do not say which of them"):
        EdgeIntensityClassifier().fit(images, good + 1)
