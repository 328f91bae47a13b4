"""What holds for every test: examples are not timed, because machines that run tests are busy."""

from hypothesis import settings

settings.register_profile("interlock", settings(), deadline=None)
settings.load_profile("interlock")
