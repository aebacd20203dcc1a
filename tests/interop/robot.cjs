// A robot controller in node-opcua, after the published nodeset of OPC 40010-1 Robotics 1.02; its types are instantiated.
// Called with one JSON object: port, pki and before (URIs of namespaces that come before the standard's). It is loaded, but
// not there, until a JSON line on stdin wakes it: memory (what it remembers of its last life) and ranOn (it ran its program
// to the end while nobody heard it). A program waits in the middle until there is one more line.
// Prints JSON lines: {namespaces} when it can be reached, {called, status} for each call, {memory} after each change, {read} when its program's name is read.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const ua = require("./node_opcua.cjs");
const { nodesets } = require("node-opcua-nodesets");

const URI = {
  di: "http://opcfoundation.org/UA/DI/",
  rob: "http://opcfoundation.org/UA/Robotics/",
  own: "urn:maker:robot",
};
const IDLE = 1;
const READY = 2;
const EXECUTING = 3;
const NAMES = ["", "Idle", "Ready", "Executing"];
const SUBSTATES = ["", "AtProgramStart", "Suspended"];
const AUTOMATIC_EXTERNAL = 4;
const STATUS = { ok: 0, state: 1, noProgram: -1 };
const VALUE = ua.AttributeIds.Value;
const BEAT_MS = 60;
const HALFWAY = 2;
const given = JSON.parse(process.argv[2]);

const say = (line) => fs.writeSync(1, JSON.stringify(line) + "\n");

// ---- the controller ------------------------------------------------------------------------------------------------

class Controller {
  constructor() {
    this.memory = { state: IDLE, substate: 0, program: "", holds: false, zone: "", ended: 41, beat: 0 };
    this.goOn = false;
    this.changed = () => {};
  }

  wake({ memory, ranOn }) {
    Object.assign(this.memory, memory);
    while (ranOn && this.memory.state === EXECUTING) this.beat(true);
    this.change({});
  }

  change(news) {
    Object.assign(this.memory, news);
    this.changed();
    say({ memory: this.memory });
  }

  LoadByName(name) {
    if (this.memory.state !== IDLE) return STATUS.state;
    if (!/^(carry:.+>.+|ASSEMBLE)$/.test(name)) return STATUS.noProgram;
    this.change({ state: READY, substate: 1, program: name, beat: 0 });
    return STATUS.ok;
  }

  Start() {
    if (this.memory.state !== READY) return STATUS.state;
    this.change({ state: EXECUTING, substate: 0 });
    return STATUS.ok;
  }

  Stop() {
    if (this.memory.state !== EXECUTING) return STATUS.state;
    this.change({ state: READY, substate: 2 });
    return STATUS.ok;
  }

  UnloadProgram() {
    if (this.memory.state !== READY) return STATUS.state;
    this.change({ state: IDLE, substate: 0, program: "" });
    return STATUS.ok;
  }

  // One beat of a running program: to the part, grip, to the target, let go, the end.
  beat(goOn) {
    const { state, program, beat, ended } = this.memory;
    if (state !== EXECUTING || (beat === HALFWAY && !goOn)) return;
    const [, from, to] = /^carry:(\S+)\.\S+>(\S+)\.\S+$/.exec(program) ?? [];
    const carried = [{ zone: from }, { holds: true }, { zone: to }, { holds: false }, { zone: "" }];
    const news = from ? carried[beat] : {};
    const last = beat === carried.length;
    if (last) this.goOn = false;
    this.change(last ? { state: READY, substate: 1, ended: ended + 1, beat: 0 } : { ...news, beat: beat + 1 });
  }
}

// ---- its address space ---------------------------------------------------------------------------------------------

class Shelf {
  constructor(space) {
    this.space = space;
    this.index = Object.fromEntries(Object.entries(URI).map(([alias, uri]) => [alias, space.getNamespaceIndex(uri)]));
    this.own = space.getNamespace(URI.own);
  }

  type(name) {
    return this.space.findObjectType(name, this.index.rob);
  }

  at(node, ...steps) {
    for (const step of steps) {
      const [alias, name] = step.includes(";") ? step.split(";") : ["", step];
      const wanted = `${alias ? this.index[alias] + ":" : ""}${name}`;
      const children = node.findReferencesExAsObject("HierarchicalReferences", ua.BrowseDirection.Forward);
      const child = children.find((each) => each.browseName.toString() === wanted);
      if (!child) throw new Error(`${node.browseName} has no ${step}`);
      node = child;
    }
    return node;
  }

  instance(parent, name, type, optionals = []) {
    return this.type(type).instantiate({ browseName: name, componentOf: parent, namespace: this.own, optionals });
  }

  variable(parent, name, dataType) {
    return this.own.addVariable({ componentOf: parent, browseName: name, dataType, minimumSamplingInterval: 0 });
  }
}

function build(space) {
  const shelf = new Shelf(space);
  const devices = shelf.at(space.rootFolder.objects, "di;DeviceSet");
  const system = shelf.instance(devices, "arm-1", "MotionDeviceSystemType");
  const safety = shelf.instance(shelf.at(system, "rob;SafetyStates"), "SafetyState", "SafetyStateType");
  const cabinet = shelf.instance(shelf.at(system, "rob;Controllers"), "controller", "ControllerType");
  const machinePath = "TaskControlOperation.TaskControlStateMachine";
  const parts = ["CurrentState.Number", "LoadByName", "Start", "Stop", "UnloadProgram"];
  const optionals = ["TaskControlOperation", ...parts.map((each) => `${machinePath}.${each}`)];
  optionals.push(`${machinePath}.ReadySubstateMachine`, `${machinePath}.ReadySubstateMachine.CurrentState.Number`);
  const task = shelf.instance(shelf.at(cabinet, "rob;TaskControls"), "task", "TaskControlType", optionals);
  const machine = shelf.at(task, "rob;TaskControlOperation", "rob;TaskControlStateMachine");
  return { shelf, system, stops: shelf.at(safety, "di;ParameterSet"), task, machine };
}

function show({ shelf, system, stops, task, machine }, controller) {
  const uint32 = ua.DataType.UInt32;
  const text = ua.DataType.LocalizedText;
  const shown = [
    [shelf.at(machine, "CurrentState"), text, (now) => ({ text: NAMES[now.state] })],
    [shelf.at(machine, "CurrentState", "Number"), uint32, (now) => now.state],
    [shelf.at(machine, "rob;ReadySubstateMachine", "CurrentState"), text, (now) => ({ text: SUBSTATES[now.substate] })],
    [shelf.at(machine, "rob;ReadySubstateMachine", "CurrentState", "Number"), uint32, (now) => now.substate],
    [shelf.at(task, "di;ParameterSet", "rob;TaskProgramName"), ua.DataType.String, (now) => now.program],
    [shelf.at(task, "di;ParameterSet", "rob;TaskProgramLoaded"), ua.DataType.Boolean, (now) => now.state !== IDLE],
    [shelf.at(stops, "rob;OperationalMode"), ua.DataType.Int32, () => AUTOMATIC_EXTERNAL],
    [shelf.at(stops, "rob;EmergencyStop"), ua.DataType.Boolean, () => false],
    [shelf.at(stops, "rob;ProtectiveStop"), ua.DataType.Boolean, () => false],
    [shelf.variable(system, "GripperHoldsPart", "Boolean"), ua.DataType.Boolean, (now) => now.holds],
    [shelf.variable(system, "InZone", "String"), ua.DataType.String, (now) => now.zone],
    [shelf.variable(system, "ProgramCounter", "UInt32"), uint32, (now) => now.ended],
  ];
  controller.changed = () => {
    for (const [node, dataType, of] of shown) node.setValueFromSource({ dataType, value: of(controller.memory) });
  };
  controller.changed();
}

function listen({ shelf, machine }, controller) {
  for (const name of ["LoadByName", "Start", "Stop", "UnloadProgram"]) {
    shelf.at(machine, `rob;${name}`).bindMethod(async (inputs, _context) => {
      const values = inputs.map((each) => (typeof each.value === "string" ? each.value : Number(each.value)));
      const status = controller[name](...values);
      say({ called: name, status });
      const outputArguments = [{ dataType: ua.DataType.Int32, value: status }];
      return { statusCode: ua.StatusCodes.Good, outputArguments };
    });
  }
}

// ---- the server ----------------------------------------------------------------------------------------------------

// A nodeset that has nothing in it but a namespace: it moves the indexes of all that come after it.
function empty(uri, number) {
  const file = path.join(given.pki, `empty-${number}.xml`);
  const model = `<Model ModelUri="${uri}" Version="1.0" PublicationDate="2025-01-01T00:00:00Z"/>`;
  const uris = `<NamespaceUris><Uri>${uri}</Uri></NamespaceUris>`;
  const xmlns = "http://opcfoundation.org/UA/2011/03/UANodeSet.xsd";
  fs.writeFileSync(file, `<?xml version="1.0"?><UANodeSet xmlns="${xmlns}">${uris}<Models>${model}</Models></UANodeSet>`);
  return file;
}

async function main() {
  fs.mkdirSync(given.pki, { recursive: true });
  const manager = new ua.OPCUACertificateManager({ rootFolder: given.pki, automaticallyAcceptUnknownCertificate: true });
  const server = new ua.OPCUAServer({
    port: given.port,
    host: "127.0.0.1",
    hostname: "127.0.0.1",
    resourcePath: "/robot",
    serverCertificateManager: manager,
    securityModes: [ua.MessageSecurityMode.None],
    securityPolicies: [ua.SecurityPolicy.None],
    nodeset_filename: [nodesets.standard, ...given.before.map(empty), nodesets.di, nodesets.ia, nodesets.robotics],
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  space.registerNamespace(URI.own);
  const controller = new Controller();
  const built = build(space);
  show(built, controller);
  listen(built, controller);
  const name = built.shelf.at(built.task, "di;ParameterSet", "rob;TaskProgramName").nodeId.toString();
  server.on("request", ({ nodesToRead }) => {
    if (nodesToRead?.some((each) => each.attributeId === VALUE && each.nodeId.toString() === name)) say({ read: true });
  });
  const told = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  controller.wake(JSON.parse((await told.next()).value));
  await server.start();
  setInterval(() => controller.beat(controller.goOn), BEAT_MS);
  say({ namespaces: space.getNamespaceArray().map((each) => each.namespaceUri) });
  while (!(await told.next()).done) controller.goOn = true;
}

main().catch((broken) => {
  console.error(broken.stack ?? String(broken));
  process.exit(1);
});
