/** A page of somebody else's: the Realtime SDK, as it is published, with this host as its base URL. */

import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession } from "@openai/agents-realtime";

const audioElement = document.createElement("audio");
const transport = new OpenAIRealtimeWebRTC({
  baseUrl: new URL("/v1/realtime/calls", location.href).href,
  audioElement,
});
const agent = new RealtimeAgent({ name: "Guide", instructions: "Answer in one sentence." });
const session = new RealtimeSession(agent, { transport });

const client = {
  session,
  /** What went wrong, in words. */
  errors: [] as string[],
  /** The SDK's own events, in order. */
  events: [] as string[],

  async connect(): Promise<void> {
    const minted = await fetch("/v1/realtime/client_secrets", { method: "POST" });
    const { value } = (await minted.json()) as { value: string };
    await session.connect({ apiKey: value });
  },

  /** Who said what, as the SDK's history has it. */
  said(): { role: string; status: string; text: string }[] {
    return session.history.flatMap((item) => {
      if (item.type !== "message") return [];
      const texts = item.content.map((part) => ("text" in part ? part.text : "transcript" in part ? part.transcript : ""));
      return [{ role: item.role, status: "status" in item ? item.status : "", text: texts.join("") }];
    });
  },
};

session.on("error", ({ error }) => client.errors.push(JSON.stringify(error) + String(error)));
for (const type of ["agent_start", "agent_end"] as const) {
  session.on(type, () => client.events.push(type));
}
Object.assign(globalThis, { client });
