"""KAIST CS479, assignment 3: a DiffusionModule around a network and a BaseScheduler; t counts from 0; names as in the original DDPM code."""

from autograder.judges.interface import Interface
from autograder.judges.network import Network
from autograder.oracles.schedule import EvenlySpaced, Schedule
from autograder.sandbox.proxies import Handle


class Kaist(Interface):
    def build(self, schedule: Schedule, network: Network) -> Handle:
        """The module, made with the first request that uses it."""
        assert isinstance(schedule, EvenlySpaced)
        ddpm = self.student.module("ddpm")
        settings = dict(beta_1=schedule.beta_1, beta_T=schedule.beta_T, mode=schedule.mode)
        scheduler = ddpm.later("BaseScheduler", schedule.num_timesteps, **settings)
        return ddpm.later("DiffusionModule", self.student.network(network), scheduler)
