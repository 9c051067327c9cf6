// What a program of the JavaScript client does; its arguments are endpoint, account and key. Prints what it saw.
import { BatchServiceClient, BatchSharedKeyCredentials } from "@azure/batch";

const [, , endpoint, account, key] = process.argv;
const client = new BatchServiceClient(new BatchSharedKeyCredentials(account, key), endpoint);
const seen = {};

async function until(ask) {
  for (const deadline = Date.now() + 30000; Date.now() < deadline; ) {
    if (await ask()) return;
    await new Promise((again) => setTimeout(again, 50));
  }
  throw new Error(`waited in vain for ${ask}`);
}

async function code(call) {
  try {
    await call();
  } catch (error) {
    return [error.statusCode, error.body?.code ?? null];
  }
  return null;
}

const vm = {
  imageReference: { publisher: "canonical", offer: "ubuntu-24_04-lts", sku: "server" },
  nodeAgentSKUId: "batch.node.ubuntu 24.04",
};
await client.pool.add({ id: "js", vmSize: "standard_d2s_v5", virtualMachineConfiguration: vm, targetDedicatedNodes: 0 });
seen.again = await code(() => client.pool.add({ id: "js", vmSize: "standard_d2s_v5", virtualMachineConfiguration: vm }));
seen.pool = (await client.pool.get("js")).taskSlotsPerNode;
await client.pool.patch("js", { metadata: [{ name: "a", value: "b" }] });
seen.metadata = (await client.pool.get("js")).metadata[0].value;
await client.job.add({ id: "js", poolInfo: { poolId: "shared" } });
await client.task.add("js", { id: "one", commandLine: "/bin/echo hello" });
const tasks = ["a", "b", "c"].map((id) => ({ id, commandLine: "/bin/true" }));
seen.added = (await client.task.addCollection("js", tasks)).value.map((item) => item.status);
await until(async () => (await client.job.getTaskCounts("js")).taskCounts.succeeded === 4);
const options = { taskListOptions: { filter: "state eq 'completed'", select: "id", maxResults: 3 } };
const page = await client.task.list("js", options);
const next = await client.task.listNext(page.odatanextLink, { taskListNextOptions: {} });
seen.pages = [page.length, next.length];
await client.task.update("js", "a", { constraints: { maxTaskRetryCount: 1 } });
seen.succeeded = await code(() => client.task.reactivate("js", "a"));
seen.files = (await client.file.listFromTask("js", "one", { recursive: true })).map((file) => file.name);
await client.task.deleteMethod("js", "a");
seen.missing = await code(() => client.task.get("js", "a"));
await client.job.terminate("js", { jobTerminateOptionalParams: {}, terminateReason: "done" });
seen.reason = (await client.job.get("js")).executionInfo.terminateReason;
await client.job.deleteMethod("js");
await client.pool.deleteMethod("js");
await until(async () => (await code(() => client.pool.get("js")))?.[1] === "PoolNotFound");
console.log(JSON.stringify(seen));
