import { MAX_PICTURE_BYTES } from "../chat/useFittingMessages";
import { Canvas } from "./Canvas";
import { DocumentPanel } from "./Document";
import { Haiku } from "./Haiku";
import { PlanProgress } from "./PlanProgress";
import { RecipePanel } from "./Recipe";
import { Steps } from "./Steps";
import type { Feature } from "./feature";

/** The pages, in the order of the list. */
export const features: Feature[] = [
  {
    id: "chat",
    title: "Chat",
    hint: "Say who you are, and what you like. Ask for a long text, and stop it.",
    suggestions: ["Hi, I am Ada", "Who am I?", "Show the sales report", "Write a long text"],
  },
  {
    id: "weather",
    title: "Weather",
    hint: "Ask for the weather of a city. A tool of the agent answers, and the page draws a card.",
    suggestions: ["weather in Tokyo", "weather in Lisbon and Berlin"],
  },
  {
    id: "background",
    title: "Background",
    hint: "Ask for another background. The agent calls a tool that belongs to the page.",
    suggestions: ["Change the background to teal", "Change the background to something new"],
    Panel: Canvas,
  },
  {
    id: "haiku",
    title: "Haiku",
    hint: "Ask for a poem. The page draws the arguments of the agent's call.",
    suggestions: ["Write a haiku", "Generate a haiku for summer"],
    Tools: Haiku,
  },
  {
    id: "steps",
    title: "Choose the steps",
    hint: "Ask for a plan. The agent waits until you have chosen its steps.",
    suggestions: ["Plan a trip to Mars in 5 steps", "Make a plan in 3 steps"],
    Tools: Steps,
  },
  {
    id: "plan",
    title: "Plan at work",
    hint: "Ask for a plan, and watch the agent work through it.",
    suggestions: ["Make a plan in 5 steps", "Make a plan in 10 steps"],
    Panel: PlanProgress,
  },
  {
    id: "recipe",
    title: "Recipe",
    hint: "Edit the recipe, or let the agent do it. Both work on the same state.",
    suggestions: ["Create a delicious Italian pasta recipe.", "Improve the recipe", "Please list all of the ingredients"],
    Panel: RecipePanel,
  },
  {
    id: "document",
    title: "Document",
    hint: "Ask for a story. The document fills while the agent writes.",
    suggestions: ["Write a story about a cat", "Add a character named Courage"],
    Panel: DocumentPanel,
  },
  {
    id: "refund",
    title: "Refund",
    hint: "Ask for a refund. It waits until you approve it. Only people who may refund are offered the tool.",
    suggestions: ["refund order 1234 for 20", "Who am I?"],
  },
  {
    id: "meeting",
    title: "Meeting",
    hint: "Ask for a meeting. The agent's tool asks you for the time, and goes on with your answer.",
    suggestions: ["Schedule a meeting", "Book an intro call with the sales team"],
  },
  {
    id: "reasoning",
    title: "Reasoning",
    hint: "Ask the agent to think. Its reasoning is shown before the answer.",
    suggestions: ["Think about it", "Explain the best way to learn to swim"],
  },
  {
    id: "picture",
    title: "Picture",
    hint: "Attach a picture and ask about it. A model without eyes says so.",
    suggestions: ["What is in an image?"],
    attachments: { enabled: true, accept: "image/*", maxSize: MAX_PICTURE_BYTES },
  },
  {
    id: "travel",
    title: "Travel",
    hint: "A tool of the agent returns a user interface of a fixed form (A2UI), and the page renders it.",
    suggestions: ["Find flights from SFO to JFK", "Find hotels in downtown Manhattan"],
    agentId: "surfaces",
  },
  {
    id: "surfaces",
    title: "Surfaces",
    hint: "The model composes a user interface (A2UI), which grows while it is written.",
    suggestions: ["Show a dashboard", "Show a flight card", "Compare 3 luxury hotels in Paris"],
    agentId: "surfaces",
  },
  {
    id: "errors",
    title: "Errors",
    hint: "The model fails, before or after its first words. You read what happened, and can go on.",
    suggestions: ["trigger error", "Please fail", "Hi, I am Ada"],
  },
];
