"""Prints what Python's Rucio client reads from each rucio.cfg given: one JSON object a file, {"section": {"option": value}}.

A value that cannot be had is {"error": exception}; a file that cannot be read is {"error": exception} as a whole.
"""
import json
import os
import sys

from rucio.common import config


def read(path):
    os.environ['RUCIO_CONFIG'] = path
    config.clean_cached_config()
    try:
        parser = config.get_config()
    except Exception as error:
        return {'error': type(error).__name__}
    found = {}
    for section in parser.sections():
        found[section] = {}
        for option in parser.options(section):
            try:
                found[section][option] = config.config_get(section, option)
            except Exception as error:
                found[section][option] = {'error': type(error).__name__}
    return found


for path in sys.argv[1:]:
    print(json.dumps(read(path)))
