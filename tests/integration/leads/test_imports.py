"""Reading leads is quick to import."""


def test_importing_the_room_reads_no_heavy_module() -> None:
    import subprocess
    import sys

    code = (
        "import sys, flireo_flows.leads; print({'phonenumbers', 'pydantic', 'openpyxl'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
