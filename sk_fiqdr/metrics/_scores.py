"""The scores of both tasks by name: every other list of them is derived from here."""

from ._quality import accuracy, mean_acc, precision, sensitivity, specificity

# Quality of the images whose grades count; None counts all.
GRADING_SCORES = {"kappa": None, "kappa_good": 1, "kappa_poor": 0}
QUALITY_SCORES = {
    "mean_acc": mean_acc,
    "specificity": specificity,
    "sensitivity": sensitivity,
    "precision": precision,
    "quality_accuracy": accuracy,
}
SCORES = (*GRADING_SCORES, *QUALITY_SCORES)
# Those of the quality that the paper compares models by.
COMPARED_QUALITY_SCORES = ("mean_acc", "specificity", "sensitivity")
