"""The names of this course at the boundary: how to build the student's classes, and the shape of one sample."""

from autograder.assignments.ddpm.setting import Setting
from autograder.sandbox.proxies import Handle, Student

SAMPLE_SHAPE = (2,)


def setting(student: Student) -> Setting:
    return Setting(student, SAMPLE_SHAPE)


def simple_net(student: Student, dim_in: int, dim_out: int, dim_hids: list[int], num_timesteps: int) -> Handle:
    return student.module("network").new("SimpleNet", dim_in, dim_out, dim_hids, num_timesteps)
