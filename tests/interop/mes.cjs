// An MES in node-opcua: finds job management by the standard's paths, and goes through the whole job state table.
// Called with one JSON object: url, cell, user, password, certificate, key, applicationUri, pki. Prints one JSON line for
// each thing that it has found to be so; the first that is not so ends it.
"use strict";
const assert = require("node:assert/strict");
const ua = require("./node_opcua.cjs");

const URI = {
  machinery: "http://opcfoundation.org/UA/Machinery/",
  jobs: "http://opcfoundation.org/UA/Machinery/Jobs/",
  isa95: "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/",
};
const STATUS = { ok: 1n, unknown: 2n, invalidState: 8n, unable: 16n, invalidRequest: 2n ** 32n };
const PATIENCE_MS = 90000;
const given = JSON.parse(process.argv[2]);

const say = (found) => console.log(JSON.stringify({ found }));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const uint64 = (pair) => (BigInt(pair[0]) << 32n) + BigInt(pair[1]);

class Mes {
  constructor(session, namespaces) {
    this.session = session;
    this.namespaces = namespaces;
    this.events = [];
  }

  index(name) {
    const found = this.namespaces.indexOf(URI[name] ?? name);
    assert(found >= 0, `no namespace ${name}`);
    return found;
  }

  async at(...steps) {
    const path = "/Objects" + steps.map(([space, name]) => `/${this.index(space)}:${name}`).join("");
    const found = await this.session.translateBrowsePath(ua.makeBrowsePath("RootFolder", path));
    assert(found.statusCode.isGood(), `${path}: ${found.statusCode}`);
    return found.targets[0].targetId;
  }

  async value(nodeId) {
    const read = await this.session.read({ nodeId, attributeId: ua.AttributeIds.Value });
    assert(read.statusCode.isGood(), `${nodeId}: ${read.statusCode}`);
    return read.value.value;
  }

  async open(machine) {
    const blocks = [
      ["machinery", "Machines"],
      [this.namespaces[1], machine],
      ["machinery", "MachineryBuildingBlocks"],
      ["jobs", "JobManagement"],
    ];
    this.control = await this.at(...blocks, ["jobs", "JobOrderControl"]);
    this.results = await this.at(...blocks, ["jobs", "JobOrderResults"]);
    this.list = await this.at(...blocks, ["jobs", "JobOrderControl"], ["isa95", "JobOrderList"]);
    this.masters = await this.at(...blocks, ["jobs", "JobOrderControl"], ["isa95", "WorkMaster"]);
    this.answers = await this.at(...blocks, ["jobs", "JobOrderResults"], ["isa95", "JobOrderResponseList"]);
  }

  async method(object, name) {
    const path = ua.makeBrowsePath(object, `/${this.index("isa95")}:${name}`);
    return (await this.session.translateBrowsePath(path)).targets[0].targetId;
  }

  async call(name, argument) {
    const object = name.startsWith("Request") ? this.results : this.control;
    const inputArguments = [argument];
    if (object === this.control) {
      const comment = [new ua.LocalizedText({ text: "by the test" })];
      const arrayType = ua.VariantArrayType.Array;
      inputArguments.push(new ua.Variant({ dataType: "LocalizedText", arrayType, value: comment }));
    }
    const methodId = await this.method(object, name);
    const answer = await this.session.call({ objectId: object, methodId, inputArguments });
    assert(answer.statusCode.isGood(), `${name}: ${answer.statusCode}`);
    const outputs = answer.outputArguments.map((each) => each.value);
    return { status: uint64(outputs.at(-1)), response: outputs[0] };
  }

  id(orderId) {
    return new ua.Variant({ dataType: "String", value: orderId });
  }

  async order(orderId, parameters, more = {}) {
    const type = ua.resolveNodeId(`ns=${this.index("isa95")};i=3008`);
    const asked = Object.entries(parameters).map(([id, value]) => ({ ID: id, value: new ua.Variant(value) }));
    const made = await this.session.constructExtensionObject(type, {
      jobOrderID: orderId,
      workMasterID: [{ ID: "nameplate" }],
      jobOrderParameters: asked,
      ...more,
    });
    return new ua.Variant({ dataType: "ExtensionObject", value: made });
  }

  async state(orderId) {
    const entry = ((await this.value(this.list)) ?? []).find((each) => each.jobOrder.jobOrderID === orderId);
    return entry ? entry.state.map((each) => each.stateText.text).join("/") : "gone";
  }

  async until(orderId, wanted) {
    const end = Date.now() + PATIENCE_MS;
    let found;
    do {
      found = await this.state(orderId);
      if (found === wanted) return;
      await wait(50);
    } while (Date.now() < end);
    assert.fail(`${orderId} is ${found}, not ${wanted}`);
  }

  async told(name, orderId, status = STATUS.ok) {
    const answer = await this.call(name, this.id(orderId));
    assert.equal(answer.status, status, `${name} ${orderId} in ${await this.state(orderId)}`);
  }

  async listen(subscription) {
    const isa95 = this.index("isa95");
    const fields = ["EventType", "Message", ...["JobOrder", "JobState", "JobResponse"].map((each) => `${isa95}:${each}`)];
    const item = await subscription.monitor(
      { nodeId: this.control, attributeId: ua.AttributeIds.EventNotifier },
      { samplingInterval: 0, queueSize: 1000, discardOldest: false, filter: ua.constructEventFilter(fields) },
      ua.TimestampsToReturn.Both,
    );
    assert(item.statusCode.isGood(), `events: ${item.statusCode}`);
    item.on("changed", ([type, , order, state, response]) => {
      if (!type.value || type.value.toString() !== `ns=${isa95};i=1006`) return;
      this.events.push({
        orderId: order.value.jobOrderID,
        state: state.value[0].stateText.text,
        response: response.value ? response.value.jobOrderID : null,
      });
    });
  }

  heard(orderId) {
    return this.events.filter((each) => each.orderId === orderId).map((each) => each.state);
  }
}

const TEXT = (value) => ({ dataType: "String", value });
const NUMBER = (value) => ({ dataType: "Double", value });
const COUNT = (value) => ({ dataType: "UInt32", value });

async function wrongParameters(mes) {
  const wrong = {
    "a text that is too long": { text: TEXT("A".repeat(17)) },
    "a text where a number belongs": { text: TEXT("ADA"), height_mm: TEXT("8") },
    "a number out of its limits": { text: TEXT("ADA"), height_mm: NUMBER(99) },
    "a parameter that there is not": { text: TEXT("ADA"), colour: TEXT("red") },
    "runs that are no number": { text: TEXT("ADA"), RunsPlanned: TEXT("two") },
  };
  for (const [what, parameters] of Object.entries(wrong)) {
    const { status } = await mes.call("StoreAndStart", await mes.order("WO-WRONG", parameters));
    assert.equal(status, STATUS.invalidRequest, what);
  }
  const other = await mes.order("WO-WRONG", { text: TEXT("ADA") }, { workMasterID: [{ ID: "mug" }] });
  assert.equal((await mes.call("StoreAndStart", other)).status, STATUS.unable);
  assert.equal(await mes.state("WO-WRONG"), "gone");
  say("a wrong parameter is refused with bit 32, another product with bit 4");
}

async function notBegun(mes, orderId) {
  await mes.until(orderId, "NotAllowedToStart/Waiting");
  for (const name of ["RevokeStart", "Pause", "Resume", "Stop", "Clear"]) {
    await mes.told(name, orderId, STATUS.invalidState);
  }
  const update = await mes.order(orderId, { text: TEXT("GRACE"), RunsPlanned: COUNT(2) }, { priority: -5 });
  assert.equal((await mes.call("Update", update)).status, STATUS.ok);
  const entry = (await mes.value(mes.list)).find((each) => each.jobOrder.jobOrderID === orderId);
  assert.equal(entry.jobOrder.priority, -5);
  await mes.told("Start", orderId);
  await mes.until(orderId, "AllowedToStart/Waiting");
  await mes.told("Start", orderId, STATUS.invalidState);
  assert.equal((await mes.call("Update", update)).status, STATUS.ok);
  await mes.told("RevokeStart", orderId);
  await mes.until(orderId, "NotAllowedToStart/Waiting");
  say("an order that has not begun is started, revoked and updated");
}

async function allowed(mes, orderId) {
  assert.equal((await mes.call("StoreAndStart", await mes.order(orderId, { text: TEXT("KURT") }))).status, STATUS.ok);
  await mes.until(orderId, "AllowedToStart/Waiting");
  for (const name of ["Start", "Pause", "Resume", "Stop", "Clear"]) {
    await mes.told(name, orderId, STATUS.invalidState);
  }
}

async function interrupted(mes, orderId) {
  await mes.until(orderId, "Running");
  for (const name of ["Start", "RevokeStart", "Resume", "Cancel", "Clear"]) {
    await mes.told(name, orderId, STATUS.invalidState);
  }
  await mes.told("Pause", orderId);
  await mes.until(orderId, "Interrupted/Held");
  for (const name of ["Start", "RevokeStart", "Pause", "Cancel", "Clear"]) {
    await mes.told(name, orderId, STATUS.invalidState);
  }
  await mes.told("Resume", orderId);
  await mes.until(orderId, "Running");
  say("a running order is paused until it is held, and resumed");
}

async function over(mes, orderId, name, state) {
  await mes.told(name, orderId);
  await mes.until(orderId, state);
  for (const each of ["Start", "RevokeStart", "Pause", "Resume", "Stop", "Abort", "Cancel"]) {
    await mes.told(each, orderId, STATUS.invalidState);
  }
  const { status, response } = await mes.call("RequestJobResponseByJobOrderID", mes.id(orderId));
  assert.deepEqual([status, response.jobOrderID], [STATUS.ok, orderId]);
  await mes.told("Clear", orderId);
  await mes.until(orderId, "gone");
  await mes.told("Clear", orderId, STATUS.unknown);
  say(`${name} leads to ${state}, and Clear takes it off the list`);
}

async function made(mes, orderId, startedAt) {
  await mes.until(orderId, "Ended/Completed");
  const { status, response } = await mes.call("RequestJobResponseByJobOrderID", mes.id(orderId));
  assert.equal(status, STATUS.ok);
  assert.equal(response.jobState[0].stateNumber, 5);
  assert(response.startTime >= startedAt - 60000 && response.endTime > response.startTime);
  const data = Object.fromEntries(response.jobResponseData.map((each) => [each.ID, each.value.value]));
  assert.equal(Number(Array.isArray(data.GoodQuantity) ? uint64(data.GoodQuantity) : data.GoodQuantity), 1);
  assert.equal(data.SerialNumbers.length, 1);
  const ofIt = (await mes.value(mes.answers)).filter((each) => each.jobOrderID === orderId);
  assert.equal(ofIt.length, 1);
  const type = ua.resolveNodeId(`ns=${mes.index("isa95")};i=3006`);
  const ended = await mes.session.constructExtensionObject(type, { stateNumber: 5, stateText: { text: "Ended" } });
  const arrayType = ua.VariantArrayType.Array;
  const wanted = new ua.Variant({ dataType: "ExtensionObject", arrayType, value: [ended] });
  const byState = await mes.call("RequestJobResponseByJobOrderState", wanted);
  assert.deepEqual([byState.status, byState.response.map((each) => each.jobOrderID)], [STATUS.ok, [orderId]]);
  await wait(1000);
  const heard = mes.heard(orderId);
  assert.deepEqual([heard.includes("Running"), heard.at(-1)], [true, "Ended"], JSON.stringify(heard));
  assert.equal(mes.events.filter((each) => each.orderId === orderId).at(-1).response, orderId);
  say(`a nameplate ran to Ended, with events (${heard.join(", ")}) and one response`);
}

async function main(session) {
  const namespaces = await session.readNamespaceArray();
  const mes = new Mes(session, namespaces);
  await mes.open(given.cell);
  say("job management is where the standards put it");
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 100,
    requestedLifetimeCount: 1000,
    requestedMaxKeepAliveCount: 50,
    publishingEnabled: true,
  });
  await mes.listen(subscription);
  const masters = await mes.value(mes.masters);
  assert.deepEqual(masters.map((each) => each.ID), ["nameplate/A"]);
  assert.deepEqual(masters[0].parameters.map((each) => each.ID), ["text", "height_mm"]);
  say("the products are its work masters");

  await mes.until("MQTT-1", "NotAllowedToStart/Waiting");
  await mes.told("Cancel", "MQTT-1");
  await mes.until("MQTT-1", "gone");
  say("an order that was stored over MQTT is on the list, and cancelled from it");

  await wrongParameters(mes);
  const startedAt = Date.now();
  const first = await mes.order("WO-1", { text: TEXT("ADA"), height_mm: NUMBER(7.5), RunsPlanned: COUNT(1) });
  assert.equal((await mes.call("StoreAndStart", first)).status, STATUS.ok);
  assert.equal((await mes.call("StoreAndStart", first)).status, STATUS.ok);
  await mes.until("WO-1", "Running");
  say("the same order again makes nothing twice");
  const second = await mes.order("WO-2", { text: TEXT("EVE") });
  assert.equal((await mes.call("StoreAndStart", second)).status, STATUS.ok);
  await mes.until("WO-2", "Running");
  // Both printers are taken for as long as that is wanted: what comes now cannot begin.
  for (const held of ["WO-1", "WO-2"]) {
    await mes.told("Pause", held);
    await mes.until(held, "Interrupted/Held");
  }
  assert.equal((await mes.call("Store", await mes.order("WO-3", { text: TEXT("GRACE") }))).status, STATUS.ok);
  await notBegun(mes, "WO-3");
  await allowed(mes, "WO-6");
  await mes.told("Cancel", "WO-6");
  await mes.until("WO-6", "gone");
  await allowed(mes, "WO-7");
  await over(mes, "WO-7", "Abort", "Aborted");
  for (const held of ["WO-1", "WO-2"]) await mes.told("Resume", held);
  await interrupted(mes, "WO-2");
  await over(mes, "WO-2", "Stop", "Ended/Closed");
  const fourth = await mes.order("WO-4", { text: TEXT("JOAN") });
  assert.equal((await mes.call("StoreAndStart", fourth)).status, STATUS.ok);
  await interrupted(mes, "WO-4");
  await mes.told("Pause", "WO-4");
  await mes.until("WO-4", "Interrupted/Held");
  await over(mes, "WO-4", "Abort", "Aborted");
  await over(mes, "WO-3", "Abort", "Aborted");
  assert.equal((await mes.call("Store", await mes.order("WO-5", { text: TEXT("LISE") }))).status, STATUS.ok);
  await made(mes, "WO-1", startedAt);
  await mes.told("Clear", "WO-1");
}

async function connect() {
  const manager = new ua.OPCUACertificateManager({ rootFolder: given.pki, automaticallyAcceptUnknownCertificate: true });
  await manager.initialize();
  const client = ua.OPCUAClient.create({
    applicationUri: given.applicationUri,
    certificateFile: given.certificate,
    privateKeyFile: given.key,
    clientCertificateManager: manager,
    securityMode: ua.MessageSecurityMode.SignAndEncrypt,
    securityPolicy: ua.SecurityPolicy.Basic256Sha256,
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 3 },
  });
  await client.connect(given.url);
  const user = { type: ua.UserTokenType.UserName, userName: given.user, password: given.password };
  const session = await client.createSession(user);
  say("connected with Basic256Sha256 SignAndEncrypt and a user");
  try {
    await main(session);
  } finally {
    await session.close();
    await client.disconnect();
  }
}

connect().then(
  () => process.exit(0),
  (broken) => {
    console.error(broken.stack ?? String(broken));
    process.exit(1);
  },
);
