// The form for a new message: its text, its pictures, and the buttons beside it.

import { h } from "./dom.js";
import { caretOf } from "./prompts.js";

/** The largest picture that fits into a request of 6 MB, written in base64 and escaped twice by an entry point. */
const MAX_PICTURE_BYTES = 3_000_000;

/** Connects the form of index.html to the conversation. */
export function createComposer({ form, conversation }) {
  const text = form.querySelector("textarea");
  const files = form.querySelector("input[type=file]");
  const pictureList = form.querySelector(".pictures");
  const problem = form.querySelector(".field-error");
  const sendButton = form.querySelector("[type=submit]");
  const stopButton = form.querySelector(".stop");
  let pictures = [];

  async function send(message = text.value.trim()) {
    if (conversation.isRunning || (message === "" && pictures.length === 0)) return;
    const run = conversation.say(message, pictures.map(({ part }) => part));
    // A message that is not sent stays in the form.
    if (run === undefined) return;
    text.value = "";
    pictures = [];
    showPictures();
    await run;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  text.addEventListener("keydown", (event) => {
    // `isComposing`: an Enter that ends the input of a Japanese or Chinese word does not send the message.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  stopButton.addEventListener("click", () => {
    conversation.stop();
    text.focus();
  });
  files.addEventListener("change", async () => {
    showProblem("");
    for (const file of files.files) await attach(file);
    files.value = "";
    showPictures();
  });
  text.addEventListener("paste", async (event) => {
    const pasted = [...event.clipboardData.files].filter(({ type }) => type.startsWith("image/"));
    if (pasted.length === 0) return;
    event.preventDefault();
    showProblem("");
    for (const file of pasted) await attach(file);
    showPictures();
  });

  async function attach(file) {
    const isPicture = file.type.startsWith("image/");
    if (!isPicture || file.size > MAX_PICTURE_BYTES) {
      const tooLarge = `${file.name} has ${file.size} bytes; a picture may have ${MAX_PICTURE_BYTES}.`;
      showProblem(isPicture ? tooLarge : `${file.name} is not a picture.`);
      return;
    }
    const url = await readAsDataUrl(file);
    const source = { type: "data", value: url.slice(url.indexOf(",") + 1), mimeType: file.type };
    pictures.push({ name: file.name, url, part: { type: "image", source, metadata: { filename: file.name } } });
  }

  /** Shows why something is not sent; an empty sentence removes the last one. */
  function showProblem(sentence) {
    problem.textContent = sentence;
    problem.hidden = sentence === "";
  }

  function showPictures() {
    pictureList.hidden = pictures.length === 0;
    pictureList.replaceChildren(
      ...pictures.map((picture) => {
        const remove = () => {
          pictures = pictures.filter((other) => other !== picture);
          showPictures();
          text.focus();
        };
        return h("li", {}, h("img", { src: picture.url, alt: picture.name }), h("button", { type: "button", class: "small", onclick: remove }, `Remove ${picture.name}`));
      }),
    );
  }

  conversation.addEventListener("change", () => {
    const { isRunning } = conversation;
    text.placeholder = conversation.isWaiting ? "A message here leaves what waits above unanswered." : "Write a message. Enter sends it.";
    if (isRunning === sendButton.hidden) return;
    const hadFocus = document.activeElement === sendButton || document.activeElement === stopButton;
    sendButton.hidden = isRunning;
    stopButton.hidden = !isRunning;
    if (hadFocus) (isRunning ? stopButton : text).focus();
  });

  /** Puts a text into the form for the user to complete. */
  function draft(message) {
    const caret = caretOf(message);
    text.value = message;
    text.focus();
    text.setSelectionRange(caret, caret);
  }

  return { send, draft, showProblem, focus: () => text.focus() };
}

function readAsDataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
