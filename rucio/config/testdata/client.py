"""Prints what Python's BaseClient makes of rucio.cfg and the environment, without logging in."""
import json

from rucio.client.baseclient import BaseClient

BaseClient._BaseClient__authenticate = lambda self: None
client = BaseClient()
print(json.dumps({
    'account': client.account or '',
    'vo': client.vo,
    'auth_type': client.auth_type,
    'ca_cert': client.ca_cert if isinstance(client.ca_cert, str) else '',
    'retries': client.request_retries,
    'trace_host': client.trace_host,
    'creds': client.creds,
}))
