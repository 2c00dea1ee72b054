//! The code of docs/tools.md.

use std::io;

use ag_ui_lambda::lambda::FromConfigError;
use ag_ui_lambda::prelude::*;
use ag_ui_lambda::protocol::Source;
use serde_json::Value;

struct Caller {
    name: String,
}

impl Grants for Caller {}

#[derive(Deserialize, JsonSchema)]
struct BakeArgs {
    cake: String,
}

/// A tool by the attribute.
fn attribute(config: Config) -> Result<AgentBuilder<Caller>, FromConfigError> {
    let agent = {
        /// Bakes a cake.
        #[tool]
        async fn bake(context: ToolContext<Caller>, args: BakeArgs) -> Result<String, ToolError> {
            Ok(format!("{} has baked a {}.", context.caller().name, args.cake))
        }

        lambda::agent::<Caller>(&config)?.tool(bake_tool().needs_permission("oven:use"))
    };
    Ok(agent)
}

/// Stands for the client of an MCP server.
#[derive(Clone)]
struct Server;

struct ListedTool {
    name: String,
    description: String,
    input_schema: Value,
}

impl Server {
    /// Lists the tools of the server.
    async fn list_tools(&self) -> io::Result<Vec<ListedTool>> {
        Ok(Vec::new())
    }

    /// Calls a tool of the server.
    async fn call(&self, _name: &str, args: Value) -> io::Result<Value> {
        Ok(args)
    }
}

/// Tools that are known only at run time.
async fn dynamic_tools(mut agent: AgentBuilder<Caller>, server: Server) -> io::Result<AgentBuilder<Caller>> {
    for listed in server.list_tools().await? {
        let server = server.clone();
        let name = listed.name.clone();
        let tool = DynTool::new(
            listed.name,
            listed.description,
            listed.input_schema,
            move |_: ToolContext<Caller>, args| {
                let (server, name) = (server.clone(), name.clone());
                async move { Ok(server.call(&name, args).await?) }
            },
        );
        agent = agent.tool(tool.needs_permission("stock:write").needs_approval());
    }
    Ok(agent)
}

/// Stands for the oven: returns a photo.
async fn bake_it(args: &BakeArgs) -> io::Result<Vec<u8>> {
    Ok(args.cake.clone().into_bytes())
}

async fn bake(context: ToolContext<Caller>, args: BakeArgs) -> Result<Parts, ToolError> {
    let step = context.progress().step("Heating the oven").await;
    context.state().set("/oven/is_on", true).await?;
    step.end().await;
    let photo = bake_it(&args).await?;
    Ok(Parts::new().text("It is baked.").image(Source::bytes(photo, "image/jpeg")))
}

/// An agent whose runs have a result.
fn result_of_a_run(config: Config) -> Result<Agent<Caller>, lambda::Error> {
    /// What the user wants from the support team.
    #[derive(Deserialize, JsonSchema)]
    struct Ticket {
        /// In at most ten words.
        title: String,
        is_urgent: bool,
    }

    let agent = lambda::agent::<Caller>(&config)?.result::<Ticket>().build()?;
    Ok(agent)
}

/// A service that does not answer: a sentence for the model, and a cause for the log.
async fn track(http: reqwest::Client, url: String) -> Result<String, ToolError> {
    let response = http.get(url).send().await.map_err(|error| {
        // The address may have a key in it, so it is left out of the log.
        ToolError::refused_because("The carrier does not answer. Try again later.", error.without_url())
    })?;
    Ok(response.error_for_status()?.text().await?)
}
