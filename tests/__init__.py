import pytest

pytest.register_assert_rewrite("testing")  # failed assertions there show their values, too
