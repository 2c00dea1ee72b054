import { useCopilotKit } from "@copilotkit/react-core/v2";

import { useSharedState } from "./useSharedState";

interface Ingredient {
  icon: string;
  name: string;
  amount: string;
}

interface Recipe {
  title: string;
  skill_level: string;
  cooking_time: string;
  special_preferences: string[];
  ingredients: Ingredient[];
  instructions: string[];
}

const FIRST: Recipe = {
  title: "Carrot soup",
  skill_level: "Beginner",
  cooking_time: "30 min",
  special_preferences: [],
  ingredients: [
    { icon: "🥕", name: "Carrots", amount: "3 large" },
    { icon: "🧅", name: "Onion", amount: "1" },
  ],
  instructions: ["Cook the carrots and the onion.", "Blend them."],
};

const TIMES = ["5 min", "15 min", "30 min", "45 min", "60+ min"];
const LEVELS = ["Beginner", "Intermediate", "Advanced"];

/** Shared state: the person edits the recipe in this form, and the agent in its tools. Both see what the other has done. */
export function RecipePanel() {
  const shared = useSharedState<Partial<Recipe>>("recipe", FIRST);
  const { copilotkit } = useCopilotKit();
  const recipe: Recipe = { ...FIRST, ...shared.value };
  const { ingredients, instructions } = recipe;
  const change = (changes: Partial<Recipe>) => shared.change({ ...recipe, ...changes });

  /** Asks the agent, as if the person had written it in the chat. */
  function improve() {
    shared.agent.addMessage({ id: crypto.randomUUID(), role: "user", content: "Improve the recipe" });
    void copilotkit.runAgent({ agent: shared.agent });
  }

  return (
    <section className="panel" aria-label="Recipe">
      <fieldset disabled={shared.isLocked} className="fields">
        <label>
          Title
          <input value={recipe.title} onChange={(event) => change({ title: event.target.value })} />
        </label>
        <div className="row">
          <Choice label="Time" values={TIMES} value={recipe.cooking_time} onChange={(cooking_time) => change({ cooking_time })} />
          <Choice label="Skill" values={LEVELS} value={recipe.skill_level} onChange={(skill_level) => change({ skill_level })} />
        </div>
        <h2>Ingredients</h2>
        <ul className="ingredients" aria-label="Ingredients">
          {ingredients.map((ingredient, index) => (
            <IngredientRow
              key={index}
              number={index + 1}
              ingredient={ingredient}
              onChange={(next) => change({ ingredients: ingredients.with(index, next) })}
              onRemove={() => change({ ingredients: ingredients.toSpliced(index, 1) })}
            />
          ))}
        </ul>
        <button type="button" onClick={() => change({ ingredients: [...ingredients, { icon: "🍴", name: "", amount: "" }] })}>
          Add ingredient
        </button>
        <h2>Instructions</h2>
        <ol className="ingredients" aria-label="Instructions">
          {instructions.map((text, index) => (
            <StepRow
              key={index}
              number={index + 1}
              text={text}
              onChange={(next) => change({ instructions: instructions.with(index, next) })}
              onRemove={() => change({ instructions: instructions.toSpliced(index, 1) })}
            />
          ))}
        </ol>
        <button type="button" onClick={() => change({ instructions: [...instructions, ""] })}>Add step</button>
        <button type="button" className="primary" onClick={improve}>Improve</button>
      </fieldset>
    </section>
  );
}

interface Row {
  number: number;
  onRemove: () => void;
}

interface IngredientProps extends Row {
  ingredient: Ingredient;
  onChange: (next: Ingredient) => void;
}

function IngredientRow({ number, ingredient, onChange, onRemove }: IngredientProps) {
  const { icon, name, amount } = ingredient;
  return (
    <li>
      <span aria-hidden="true">{icon}</span>
      <input
        aria-label={`Ingredient ${number}`}
        value={name}
        onChange={(event) => onChange({ ...ingredient, name: event.target.value })}
      />
      <input
        aria-label={`Amount ${number}`}
        value={amount}
        onChange={(event) => onChange({ ...ingredient, amount: event.target.value })}
      />
      <Remove what={name} onClick={onRemove} />
    </li>
  );
}

function StepRow({ number, text, onChange, onRemove }: Row & { text: string; onChange: (next: string) => void }) {
  return (
    <li>
      <span aria-hidden="true">{number}.</span>
      <input aria-label={`Step ${number}`} value={text} onChange={(event) => onChange(event.target.value)} />
      <Remove what={`step ${number}`} onClick={onRemove} />
    </li>
  );
}

interface ChoiceProps {
  label: string;
  values: string[];
  value: string;
  onChange: (value: string) => void;
}

function Choice({ label, values, value, onChange }: ChoiceProps) {
  const all = values.includes(value) ? values : [...values, value];
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {all.map((value) => <option key={value}>{value}</option>)}
      </select>
    </label>
  );
}

const Remove = ({ what, onClick }: { what: string; onClick: () => void }) => (
  <button type="button" className="quiet" aria-label={`Remove ${what}`} onClick={onClick}>×</button>
);
