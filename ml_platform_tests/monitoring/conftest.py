from ml_platform_tests.postgres import postgres_url

__all__ = ["postgres_url"]
