"""A client in a process of its own: adds tasks one by one and prints the id of each that was acknowledged.

Arguments: endpoint, account, job, prefix of the ids, number of tasks. The key is the first line of stdin.
"""

import sys

from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from servers import task

if __name__ == "__main__":
    endpoint, account, job_id, prefix, count = sys.argv[1:]
    with BatchClient(endpoint, AzureNamedKeyCredential(account, sys.stdin.readline().strip())) as client:
        for number in range(int(count)):
            client.create_task(job_id, task(f"{prefix}-{number}", "true"))
            print(f"{prefix}-{number}", flush=True)
