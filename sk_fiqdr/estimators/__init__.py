"""The estimators: three classifiers on skorch, and the features of a frozen backbone.

The modules beside them hold what they share; checkpoints, saving and the training loop
have folders of their own. Everything public is imported from ``sk_fiqdr``.
"""
