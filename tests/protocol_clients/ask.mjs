// Calls of tools by npm's clients of the protocol: "sdk", the first version, with a handshake, or "client", the second,
// by the newest protocol alone. Arguments: the folder of the packages, which client, and JSON of the server: {url}, or
// {command, args}. Each line of stdin is a call, {name, arguments}; each of stdout its answer, {text, structured, isError}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const PATIENCE = { timeout: 240_000 };
const load = createRequire(pathToFileURL(`${process.argv[2]}/package.json`));
const isFirst = process.argv[3] === "sdk";
const server = JSON.parse(process.argv[4]);

const { Client } = load(isFirst ? "@modelcontextprotocol/sdk/client/index.js" : "@modelcontextprotocol/client");
const asked = isFirst ? {} : { versionNegotiation: { mode: { pin: "2026-07-28" } } };
const client = new Client({ name: "mldash tests", version: "1" }, asked);
await client.connect(transport(), PATIENCE);

console.log(JSON.stringify((await client.listTools(undefined, PATIENCE)).tools.map((tool) => tool.name)));
for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line);
  const answer = isFirst ? await client.callTool(call, undefined, PATIENCE) : await client.callTool(call, PATIENCE);
  const [{ text }, ...more] = answer.content;
  if (more.length) throw new Error(`${call.name} answered with more than a text`);
  console.log(JSON.stringify({ text, structured: answer.structuredContent ?? null, isError: answer.isError ?? false }));
}
await client.close();

function transport() {
  if (server.url) {
    const name = isFirst ? "@modelcontextprotocol/sdk/client/streamableHttp.js" : "@modelcontextprotocol/client";
    return new (load(name).StreamableHTTPClientTransport)(new URL(server.url));
  }
  const name = isFirst ? "@modelcontextprotocol/sdk/client/stdio.js" : "@modelcontextprotocol/client/stdio";
  return new (load(name).StdioClientTransport)(server);
}
