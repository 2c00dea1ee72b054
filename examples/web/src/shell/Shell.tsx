import { CopilotKitProvider } from "@copilotkit/react-core/v2";
import { useMemo } from "react";

import { planActivity } from "../cards/PlanActivity";
import { ErrorsProvider, useErrors } from "../chat/errors";
import { FeaturePage } from "../chat/FeaturePage";
import { features } from "../features/features";
import type { Person } from "../session/session";
import { Features } from "./Features";
import { directAgents } from "./direct";
import { useRoute } from "./route";

const ids = features.map((feature) => feature.id);
const ACTIVITIES = [planActivity];

/** The application of a person who is signed in: the list of features, and the page of one of them. */
export function Shell({ person, agentUrl, onSignOut }: { person: Person; agentUrl?: string; onSignOut: () => void }) {
  const { route, open, begin } = useRoute(ids);
  const feature = features.find((feature) => feature.id === route.feature)!;
  return (
    <ErrorsProvider key={route.thread}>
      <div className="shell">
        <header className="top">
          <span className="brand">Agent on Lambda</span>
          <span className="who" title={person.about}><span>Signed in as </span><strong>{person.name}</strong></span>
          <button className="quiet" onClick={onSignOut}>Sign out</button>
        </header>
        <Features current={feature.id} onOpen={open} />
        <Runtime agentUrl={agentUrl}>
          <FeaturePage key={route.thread} feature={feature} thread={route.thread} onNewConversation={begin} />
        </Runtime>
      </div>
    </ErrorsProvider>
  );
}

// #region provider
function Runtime({ agentUrl, children }: { agentUrl?: string; children: React.ReactNode }) {
  const { report } = useErrors();
  // A page that calls the function itself needs no runtime.
  const agents = useMemo(
    () => (agentUrl ? { selfManagedAgents: directAgents(agentUrl) } : { runtimeUrl: "/api/copilotkit" }),
    [agentUrl],
  );
  return (
    <CopilotKitProvider {...agents} credentials="same-origin" enableInspector={false} onError={report} renderActivityMessages={ACTIVITIES}>
      {children}
    </CopilotKitProvider>
  );
}
// #endregion
