"""Measures of grading and of quality, scorers for searches, and reports of both.

Plain functions of labels and predictions; nothing here knows a net.
"""

from ._compare import compare
from ._grading import quadratic_weighted_kappa
from ._quality import mean_acc, precision, sensitivity, specificity
from ._refusal import refusal_report
from ._reports import grading_report, quality_report
from ._scorers import (
    fiqdr_scoring,
    kappa_scorer,
    mean_acc_scorer,
    sensitivity_scorer,
    specificity_scorer,
)
from ._sets import set_report
from ._sites import site_report

__all__ = [
    "compare",
    "fiqdr_scoring",
    "grading_report",
    "kappa_scorer",
    "mean_acc",
    "mean_acc_scorer",
    "precision",
    "quadratic_weighted_kappa",
    "quality_report",
    "refusal_report",
    "sensitivity",
    "sensitivity_scorer",
    "set_report",
    "site_report",
    "specificity",
    "specificity_scorer",
]
