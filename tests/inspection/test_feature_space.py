"""Features and centres in two dimensions."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from sk_fiqdr import DRGrader, QualityClassifier
from sk_fiqdr.inspection import FeatureSpaceDisplay


@pytest.fixture
def cloud():
    rng = np.random.default_rng(0)
    quality = np.arange(60) % 2
    features = rng.normal(size=(60, 6)) * [1, 5, 1, 1, 1, 1]
    features[:, 0] += 3 * quality
    centers = np.stack([features[quality == k].mean(axis=0) for k in (0, 1)])
    return quality, features, centers


def test_centres_are_as_far_apart_as_in_feature_space(cloud):
    display = FeatureSpaceDisplay.from_predictions(*cloud)
    distance = np.linalg.norm(cloud[2][1] - cloud[2][0])
    np.testing.assert_allclose(
        display.centers, [[-distance / 2, 0], [distance / 2, 0]], atol=1e-9
    )


def test_no_distance_grows_and_the_way_between_centres_is_kept(cloud):
    quality, features, centers = cloud
    display = FeatureSpaceDisplay.from_predictions(quality, features, centers)
    way = (centers[1] - centers[0]) / np.linalg.norm(centers[1] - centers[0])
    np.testing.assert_allclose(np.diff(display.points[:, 0]), np.diff(features @ way))
    apart = np.linalg.norm(features[:, None] - features, axis=2)
    seen = np.linalg.norm(display.points[:, None] - display.points, axis=2)
    assert (seen <= apart + 1e-9).all()
    assert 0 < display.explained < 1


def test_up_is_the_widest_direction_at_a_right_angle(cloud):
    quality, features, centers = cloud
    points = FeatureSpaceDisplay.from_predictions(quality, features, centers).points
    way = (centers[1] - centers[0]) / np.linalg.norm(centers[1] - centers[0])
    rest = features - np.outer(features @ way, way)
    widest = PCA().fit(rest).explained_variance_[0] * 59 / 60
    assert points[:, 1].var() == pytest.approx(widest)


@pytest.mark.parametrize("centers", [None, np.ones((2, 6))], ids=["none", "the same"])
def test_without_two_centres_the_directions_are_the_widest(cloud, centers):
    quality, features, _ = cloud
    display = FeatureSpaceDisplay.from_predictions(quality, features, centers)
    expected = PCA(2).fit(features).explained_variance_ratio_.sum()
    assert display.explained == pytest.approx(expected)
    assert len(display.frame()) == 60 + (0 if centers is None else 2)


def test_unknown_quality_is_drawn_and_unreadable_images_are_not(cloud):
    quality, features, centers = cloud
    quality = np.where(np.arange(60) < 10, -1, quality)
    features[50:] = np.nan
    display = FeatureSpaceDisplay.from_predictions(quality, features, centers)
    frame = display.frame()
    assert frame["quality"].value_counts().to_dict() == {1: 21, 0: 21, -1: 10}
    labels = display.ax_.get_legend_handles_labels()[1]
    assert "unknown, n = 10" in labels


@pytest.mark.parametrize("n_features", [1, 2])
@pytest.mark.parametrize("n", [1, 5])
def test_few_rows_and_few_features_are_drawn(n, n_features):
    features = np.arange(n * n_features, dtype=float).reshape(n, n_features)
    for centers in (None, np.arange(2.0 * n_features).reshape(2, -1)):
        display = FeatureSpaceDisplay.from_predictions([0] * n, features, centers)
        assert display.points.shape == (n, 2)
        assert np.isfinite(display.points).all()


def test_a_net_shows_its_own_centres(fitted):
    net, X, y = fitted
    display = FeatureSpaceDisplay.from_estimator(net, X, y)
    by_hand = FeatureSpaceDisplay.from_predictions(
        y, net.transform(X), net.criterion_.centers.numpy()
    )
    np.testing.assert_allclose(display.points, by_hand.points)
    assert display.centers is not None


def test_estimators_of_one_task(fitted):
    _, X, y = fitted
    settings = {"backbone": None, "max_epochs": 2, "random_state": 0}
    judge = QualityClassifier(**settings).fit(X, y[:, 1])
    grader = DRGrader(**settings).fit(X, y[:, 0])
    assert FeatureSpaceDisplay.from_estimator(judge, X, y[:, 1]).centers is not None
    assert FeatureSpaceDisplay.from_estimator(grader, X, y).centers is None
    with pytest.raises(TypeError, match="LogisticRegression does not provide"):
        FeatureSpaceDisplay.from_estimator(LogisticRegression().fit(X, y[:, 0]), X, y)


def test_bad_arguments_are_refused(cloud):
    quality, features, centers = cloud
    with pytest.raises(ValueError, match=r"\(60, n_features\).*\(5, 6\)"):
        FeatureSpaceDisplay.from_predictions(quality, features[:5])
    with pytest.raises(ValueError, match=r"\(2, 6\).*\(6,\)"):
        FeatureSpaceDisplay.from_predictions(quality, features, centers[0])
    with pytest.raises(ValueError, match="no row has features"):
        FeatureSpaceDisplay.from_predictions(quality, features * np.nan)
