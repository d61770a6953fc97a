"""PPO learns to balance a pole. Needs Stable-Baselines3: pip install stable-baselines3.

python examples/train_sb3.py            plain files under .dash/
mldash show me/cartpole/ppo             what it has logged
"""

from __future__ import annotations

import argparse

from stable_baselines3 import PPO

from mldash.adapters.sb3 import MldashCallback


def main() -> None:
    """Learn; each rollout is a point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--steps", type=int, default=20_000, help="(%(default)s)")
    given = parser.parse_args()
    callback = MldashCallback("me/cartpole/ppo", tags=["example"])
    model = PPO("MlpPolicy", "CartPole-v1", n_steps=512, seed=7, device="cpu")
    model.learn(given.steps, callback=callback)
    callback.close()
    print(f"{callback.experiment.prefix}: {model.num_timesteps} steps")


if __name__ == "__main__":
    main()
