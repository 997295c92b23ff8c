/** All words of the page in Chinese. */

import type { Words } from "./english";

/** The beginnings of what the host says of a limitation; its tests know that all of them are here. */
const CAUSES: Record<string, string> = {
  "A service that is needed does not answer": "所需的服务没有响应",
  "Something that is needed is used up or missing": "所需的资源不足或缺失",
  "Something that is needed is missing": "缺少所需的组件",
  "Something could not be understood": "有些内容无法理解",
  "Something went wrong": "出了点问题",
};

/** What follows the cause of a limitation, as the host writes it. */
const EFFECTS: Record<string, string> = {
  ": a simpler stand-in takes over, and the conversation goes on.": "，已换用较简单的替代组件，对话继续。",
  ", and nothing can stand in for it. If no answer comes, please say it again.": "，而且没有可用的替代组件。如果没有回答，请再说一遍。",
};

const SENTENCES: Record<string, string> = {
  "Answering briefly: there are many callers.": "目前通话较多，回答会简短一些。",
  "Still warming up: answers are simpler for a moment.": "正在预热，回答会暂时简单一些。",
  "The answer could not be made. Please say it again.": "没能生成回答，请再说一遍。",
  "What was said could not be understood.": "没能听懂刚才的话。",
};

function fromHost(text: string): string | null {
  for (const [effect, translated] of Object.entries(EFFECTS)) {
    const cause = text.endsWith(effect) ? CAUSES[text.slice(0, -effect.length)] : undefined;
    if (cause !== undefined) return cause + translated;
  }
  return SENTENCES[text] ?? null;
}

export const CHINESE: Words = {
  failures: {
    microphone_refused: ["麦克风被禁用了。", "请点击地址栏旁的图标，允许本页面使用麦克风，然后重新呼叫。"],
    microphone_missing: ["没有找到麦克风。", "请接上或打开麦克风，然后重新呼叫。"],
    microphone_busy: ["无法打开麦克风。", "可能有其他程序正在使用它。请关闭该程序，或换一个麦克风。"],
    insecure: ["浏览器不允许本页面使用麦克风。", "请通过 https 打开本页面，或在运行服务的电脑上用 localhost 打开。"],
    unsupported: ["这个浏览器不支持通话。", "请使用新版的 Chrome、Edge、Firefox 或 Safari。"],
    full: ["线路全忙。", "请稍后再试。"],
    too_many: ["短时间内从这里发起的呼叫太多。", "请稍等一会儿再呼叫。"],
    unknown_graph: ["这个对话已经不存在了。", "请选择另一个对话，然后重新呼叫。"],
    not_allowed: ["本页面无权呼叫该主机。", "请用主机显示的地址打开本页面。"],
    refused: ["主机没有接听。", "请重试；如果仍然不行，原因可以在主机的日志里找到。"],
    server_error: ["对方出了点问题。", "请稍后再试。"],
    timeout: ["对方没有及时应答。", "请确认主机正在运行，然后重新呼叫。"],
    unreachable: ["无法连接到主机。", "请检查网络连接，然后重新呼叫。"],
    blocked: ["声音无法通过当前网络。", "请换一个网络，或使用带 TURN 服务器的主机。"],
    lost: ["连接中断，未能恢复。", "请检查网络连接，然后重新呼叫。"],
    ended: ["对方已挂断。", "随时可以再次呼叫。"],
  },
  states: {
    idle: "可以呼叫",
    calling: "正在呼叫…",
    reconnecting: "正在重新连接…",
    failed: "未连接",
    listening: "正在听",
    hearing: "听到你在说话",
    thinking: "正在思考",
    speaking: "正在说话",
  },
  stages: {
    decided: "判断你已经说完",
    transcript: "识别语音",
    text: "思考回答",
    sentence: "写完第一句",
    speech: "合成语音",
    playing: "发送声音",
    audible: "第一个可听见的声音",
  },
  language: "语言",
  conversation: "对话",
  crashed: "页面出现故障，无法继续。请重新加载页面。",
  call: "呼叫",
  hangUp: "挂断",
  callArea: "通话",
  callControls: "通话控制",
  mute: "麦克风静音",
  microphone: "麦克风",
  defaultMicrophone: "默认麦克风",
  numberedMicrophone: (number) => `麦克风 ${number}`,
  level: "麦克风音量",
  face: "动画人脸",
  noFace: "无法显示人脸。",
  callGoesOn: "通话继续：你仍然可以听到并看到回答。",
  callAnyway: "你仍然可以呼叫。",
  showFace: "重新显示",
  withLimits: "功能受限",
  talk: "对话",
  log: "对话内容",
  you: "你",
  notHeard: "没有听到的部分：",
  interrupted: "被打断",
  answeredIn: (duration) => `${duration} 后回答`,
  rate: "评价这个回答",
  good: "回答得好",
  bad: "回答得不好",
  listening: "请讲，我在听。",
  hello: "打个招呼吧。",
  advice: ["像打电话一样说话，随时可以打断。", "双方说的话会显示在这里。", "通话时也可以打字。"],
  type: "输入你想说的话",
  callFirst: "先呼叫，再在这里输入",
  send: "发送",
  tryAgain: "重试",
  tryIn: (seconds) => (seconds < 90 ? `请在 ${Math.ceil(seconds)} 秒后重试。` : `请在 ${Math.ceil(seconds / 60)} 分钟后重试。`),
  reconnecting: "连接中断，正在重新呼叫；对话内容会保留。",
  noSound: "声音无法通过当前网络。你可以打字，并阅读回答。",
  silentBrowser: "浏览器需要你点击一下才能播放声音。",
  play: "播放声音",
  noWork: (node) => `“${node}”暂时无法工作。`,
  standIn: (node, member) => `“${node}”暂由替代组件（${member}）代劳，回答可能会简单一些。`,
  fromHost,
};
