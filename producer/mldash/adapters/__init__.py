"""Hooks of frameworks that write to an experiment: one module each, which imports its framework.

  from mldash.adapters.keras import MldashCallback

keras.py, transformers.py   callbacks of fit() and of the Trainer
lightning.py, ignite.py     loggers
sb3.py                      an output of Stable-Baselines3's log, and a callback that adds it
accelerate.py               a tracker
optuna.py, ray_tune.py      callbacks of sweeps: an experiment a trial
attached.py                 what they share: whose run it is, which rank logs, and that nothing stops a training
"""
