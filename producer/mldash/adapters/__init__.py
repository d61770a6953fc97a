"""Hooks of frameworks that write to an experiment: one module each, which imports its framework.

  from mldash.adapters.keras import MldashCallback

keras.py, transformers.py   callbacks of fit() and of the Trainer
accelerate.py               a tracker
optuna.py                   a callback of studies: an experiment a trial
attached.py                 what they share: whose run it is, which rank logs, and that nothing stops a training
"""
