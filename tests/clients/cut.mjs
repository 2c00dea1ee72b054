// Answers that a connection breaks off, as a proxy's time-out or a closed lid does.
//
// The function knows nothing of it and carries its run through, as on Lambda. It has done so before the client sees the
// first event, so that what the client does next meets a run that is over: no test depends on who is faster.

/** A fetch whose next answer `cutNext` cuts behind so many events: its body `ends` there, or it `breaks`. */
export function cuttable(onBreak = () => {}) {
  let next;
  const transport = async (url, init) => {
    const cut = next;
    next = undefined;
    const response = await fetch(url, init);
    if (cut === undefined || !response.ok) return response;
    const frames = (await response.text()).split("\n\n").filter((frame) => frame.startsWith("data: "));
    const { status, statusText, headers } = response;
    return new Response(cutBody(frames.slice(0, cut.after), cut.how, onBreak), { status, statusText, headers });
  };
  return { transport, cutNext: (after, how) => void (next = { after, how }) };
}

function cutBody(frames, how, onBreak) {
  const waiting = frames.map((frame) => new TextEncoder().encode(`${frame}\n\n`));
  return new ReadableStream(
    {
      // One frame at a time: an error would take those with it that nobody has read.
      async pull(controller) {
        if (waiting.length > 0) return controller.enqueue(waiting.shift());
        // The client gives up what it has read and not yet looked at. So that each cut has one outcome, it looks first.
        await new Promise(setImmediate);
        if (how === "ends") controller.close();
        else {
          // What fetch itself makes of a connection that is gone.
          const error = new TypeError("terminated");
          onBreak(error);
          controller.error(error);
        }
      },
    },
    { highWaterMark: 0 },
  );
}
