"""OTLP's exporter for BentoML, as a stand-in that writes to the file which the endpoint names.

BentoML imports `opentelemetry.exporter.otlp.proto.http.trace_exporter` where it is configured to;
the package is an extra of its own. `installed` puts this one in its place.
"""

from pathlib import Path

_EXPORTER = """
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class OTLPSpanExporter(SpanExporter):
    def __init__(self, endpoint, **_):
        self.file = endpoint

    def export(self, spans):
        with open(self.file, "a") as file:
            file.writelines(span.to_json(indent=None) + "\\n" for span in spans)
        return SpanExportResult.SUCCESS
"""


def installed(folder: Path) -> Path:
    """Put the stand-in below a folder, which is to be on the path of Python before others."""
    package = folder / "opentelemetry" / "exporter" / "otlp" / "proto" / "http"
    module = package / "trace_exporter" / "__init__.py"
    module.parent.mkdir(parents=True)
    (package / "__init__.py").touch()
    module.write_text(_EXPORTER)
    return folder
