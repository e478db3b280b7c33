import subprocess
import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401
from lib import envfile

VALUES = {"A": "plain", "B": "a b=c", "C": "it's $HOME `x` \\", "D": ""}


class EnvFile(unittest.TestCase):
    def test_what_is_dumped_is_parsed(self):
        self.assertEqual(envfile.parse(envfile.dump(VALUES)), VALUES)

    def test_comments_and_blank_lines_are_skipped(self):
        self.assertEqual(envfile.parse("# one\n\nA=1\n"), {"A": "1"})

    def test_a_line_without_equals_is_named(self):
        with self.assertRaisesRegex(ValueError, "line 2: no '=' in 'oops'"):
            envfile.parse("A=1\noops\n")

    def test_names_and_values_that_would_break_the_file_are_refused(self):
        for values, message in (({"A B": "1"}, "not a variable name"), ({"A": "1\nB=2"}, "more than one line")):
            with self.subTest(values), self.assertRaisesRegex(ValueError, message):
                envfile.dump(values)

    def test_a_shell_reads_the_export(self):
        for key, value in VALUES.items():
            with self.subTest(key):
                out = subprocess.run(["sh", "-c", f'eval "$1"; printf %s "${key}"', "sh", envfile.export(VALUES)],
                                     capture_output=True, text=True, check=True).stdout
                self.assertEqual(out, value)

    def test_a_failed_write_leaves_the_old_file_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "env"
            envfile.write_atomic(path, "old")
            with self.assertRaises(TypeError):
                envfile.write_atomic(path, None)
            self.assertEqual(path.read_text(), "old")
            self.assertEqual([p.name for p in Path(folder).iterdir()], ["env"])


if __name__ == "__main__":
    unittest.main()
