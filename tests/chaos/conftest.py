def pytest_addoption(parser):
    group = parser.getgroup("chaos")
    group.addoption("--chaos-seed", type=int, default=1, help="of the blows' moments and victims")
    group.addoption("--chaos-blows", type=int, default=50, help="how many blows in all")
    group.addoption("--chaos-minutes", type=float, default=20, help="no further blow after so long")
