"""Measures of quality classification: 1 is good and positive, 0 poor."""

from ..utils._labels import check_labels, no_known_rows, undefined


def _share(name, y_true, y_pred, *, among, right, missing):
    """Share of `right` predictions in the rows that `among` picks."""
    y_true, y_pred = check_labels(y_true, y_pred, 2)
    rows = among(y_true, y_pred)
    if not rows.any():
        return undefined(name, missing)
    return float((right(y_true, y_pred) & rows).sum() / rows.sum())


def sensitivity(y_true, y_pred):
    """Accuracy on good images, acc_1 of Eq. 9.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True quality, 1 good and 0 poor; rows of -1 (unknown) are skipped.
    y_pred : array-like of shape (n_samples,)
        Predicted quality; a row of known truth needs one.

    Returns
    -------
    sensitivity : float
        0.0, with an UndefinedMetricWarning, where there is no good image.

    Raises
    ------
    ValueError
        If lengths differ or a label is not 0 or 1; the message names the row.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Sect. 3.2.

    Examples
    --------
    >>> from sk_fiqdr.metrics import sensitivity
    >>> sensitivity([1, 1, 1, 1, 0], [1, 1, 1, 0, 0])
    0.75
    """
    return _share(
        "Sensitivity",
        y_true,
        y_pred,
        among=lambda t, p: t == 1,
        right=lambda t, p: p == 1,
        missing="there is no good image",
    )


def specificity(y_true, y_pred):
    """Accuracy on poor images, acc_0 of Eq. 9.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True quality, 1 good and 0 poor; rows of -1 (unknown) are skipped.
    y_pred : array-like of shape (n_samples,)
        Predicted quality; a row of known truth needs one.

    Returns
    -------
    specificity : float
        0.0, with an UndefinedMetricWarning, where there is no poor image.

    Raises
    ------
    ValueError
        If lengths differ or a label is not 0 or 1; the message names the row.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Sect. 3.2.

    Examples
    --------
    >>> from sk_fiqdr.metrics import specificity
    >>> specificity([1, 1, 0, 0], [1, 1, 1, 0])
    0.5
    """
    return _share(
        "Specificity",
        y_true,
        y_pred,
        among=lambda t, p: t == 0,
        right=lambda t, p: p == 0,
        missing="there is no poor image",
    )


def precision(y_true, y_pred):
    """Share of good images among those called good.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True quality, 1 good and 0 poor; rows of -1 (unknown) are skipped.
    y_pred : array-like of shape (n_samples,)
        Predicted quality; a row of known truth needs one.

    Returns
    -------
    precision : float
        0.0, with an UndefinedMetricWarning, where no image is called good.

    Raises
    ------
    ValueError
        If lengths differ or a label is not 0 or 1; the message names the row.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Sect. 3.2.

    Examples
    --------
    >>> from sk_fiqdr.metrics import precision
    >>> precision([1, 1, 0, 0], [1, 0, 1, 0])
    0.5
    """
    return _share(
        "Precision",
        y_true,
        y_pred,
        among=lambda t, p: p == 1,
        right=lambda t, p: t == 1,
        missing="no image is called good",
    )


def mean_acc(y_true, y_pred):
    """Mean of sensitivity and specificity (Eq. 9): balanced accuracy.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True quality, 1 good and 0 poor; rows of -1 (unknown) are skipped.
    y_pred : array-like of shape (n_samples,)
        Predicted quality; a row of known truth needs one.

    Returns
    -------
    mean_acc : float
        0.5 is what "always good" gets. Where one class is missing it is the accuracy
        on the other, as in scikit-learn's balanced_accuracy_score. 0.0 with an
        UndefinedMetricWarning where no row is known.

    Raises
    ------
    ValueError
        If lengths differ or a label is not 0 or 1; the message names the row.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Eq. 9.

    Examples
    --------
    >>> from sk_fiqdr.metrics import mean_acc
    >>> mean_acc([1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0])
    0.75
    """
    y_true, y_pred = check_labels(y_true, y_pred, 2)
    if len(y_true) == 0:
        return no_known_rows("mean_acc")
    accuracies = [
        (y_pred[y_true == k] == k).mean() for k in (0, 1) if (y_true == k).any()
    ]
    return float(sum(accuracies) / len(accuracies))


def accuracy(y_true, y_pred):
    """Share of right answers, which "always good" has high: not public.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted quality; rows of unknown truth (-1) are skipped.

    Returns
    -------
    accuracy : float
        0.0, with an UndefinedMetricWarning, where no row is known.
    """
    y_true, y_pred = check_labels(y_true, y_pred, 2)
    if len(y_true) == 0:
        return no_known_rows("Accuracy")
    return float((y_true == y_pred).mean())
