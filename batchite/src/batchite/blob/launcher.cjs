"use strict";
// Runs Azurite's blob service for one data directory:  node launcher.cjs NODE_MODULES DIRECTORY
//
// Started by batchite/blob/process.py, which talks to it in JSON lines:
//   stdout  {"port": N}                               once, when it listens on 127.0.0.1
//   stdin   {"accounts": {"name": ["key1", "key2"]}}  the accounts from now on, all of them
//   stdout  {"accounts": N}                           they are in force
// SIGTERM, SIGINT or the end of stdin (the parent is gone) saves the metadata and ends the process.
// Account keys come over stdin only: neither the command line nor the environment shows them.

const path = require("node:path");
const readline = require("node:readline");

const SAVE_EVERY_MS = 100; // Azurite's own 5 s window loses acknowledged blobs when it is killed
const KEEP_ALIVE_S = 75; // longer than the client's, so that an idle connection is closed by the client
const NO_ACCOUNTS = ";"; // an empty value would bring back the published account and key

const [modules, directory] = process.argv.slice(2);
const source = (name) => require(path.join(modules, "azurite", "dist", "src", name));

function createServer() {
  const BlobConfiguration = source("blob/BlobConfiguration").default;
  const BlobServer = source("blob/BlobServer").default;
  const inside = (name) => path.join(directory, name);
  const extents = [{ locationId: "Default", locationPath: inside("__blobstorage__"), maxConcurrency: 50 }];
  const skipApiVersionCheck = true; // the current SDK speaks a newer version than Azurite knows
  const disableProductStyleUrl = true; // the account is always the first segment of the path
  return new BlobServer(
    new BlobConfiguration(
      "127.0.0.1", 0, KEEP_ALIVE_S, inside("__azurite_db_blob__.json"), inside("__azurite_db_blob_extent__.json"),
      extents, false, undefined, false, undefined, false, skipApiVersionCheck, "", "", "", undefined,
      disableProductStyleUrl,
    ),
  );
}

function announce(message) {
  process.stdout.write(JSON.stringify(message) + "\n");
}

function setAccounts(server, accounts) {
  const rows = Object.entries(accounts).map(([name, keys]) => [name, ...keys].join(":"));
  process.env.AZURITE_ACCOUNTS = rows.join(";") || NO_ACCOUNTS;
  server.accountDataStore.refresh();
  announce({ accounts: rows.length });
}

function saveOften(server) {
  for (const database of [server.extentMetadataStore.db, server.metadataStore.db]) {
    database.autosaveDisable();
    database.autosaveInterval = SAVE_EVERY_MS;
    database.autosaveEnable();
  }
}

function trustForwardedProtocol(server) {
  // The gateway ends TLS in front; a SAS that asks for https is checked against what the client spoke to it.
  for (const application of server.httpServer.listeners("request")) application.set("trust proxy", "loopback");
}

async function main() {
  console.log = console.error; // stdout is the control channel
  process.stdout.on("error", () => {}); // the parent may be gone; stdin tells that in an orderly way
  process.env.AZURITE_ACCOUNTS = NO_ACCOUNTS;
  source("common/Telemetry").AzuriteTelemetryClient.init(directory, false, {});
  const server = createServer();
  trustForwardedProtocol(server);
  await server.start();
  saveOften(server);

  let closing = false;
  const shutdown = async () => {
    if (closing) return;
    closing = true;
    await server.close();
    process.exit(0);
  };
  process.on("SIGTERM", shutdown).on("SIGINT", shutdown);
  readline
    .createInterface({ input: process.stdin })
    .on("line", (line) => setAccounts(server, JSON.parse(line).accounts))
    .on("close", shutdown);
  announce({ port: server.httpServer.address().port });
}

main().catch((error) => {
  console.error(`The blob service failed to start: ${error.message}`);
  process.exit(1);
});
