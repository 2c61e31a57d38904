"""Great Expectations suites as contracts."""

from ml_platform.data.expectations import columns, tables  # they register what they carry
from ml_platform.data.expectations.importing import ImportedSuite, Remark, import_suite

__all__ = ["ImportedSuite", "Remark", "columns", "import_suite", "tables"]
