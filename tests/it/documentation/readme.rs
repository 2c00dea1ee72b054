//! The code of the README, and of the first section of docs/tools.md.

use ag_ui_lambda::lambda::ServeError;
use ag_ui_lambda::prelude::*;

#[derive(Serialize)]
struct Order {
    org: String,
}

/// Stands for the application's database.
async fn load(order: &str) -> Result<Order, std::io::Error> {
    Ok(Order { org: order.to_owned() })
}

/// The agent of the README.
async fn shown_agent(config: Config) -> Result<(), lambda::Error> {
    struct Caller {
        org: String,
    }

    impl Caller {
        /// Makes a caller of claims with an organisation.
        fn from_claims(claims: &Claims) -> Result<Self, Forbidden> {
            Ok(Self { org: claims.text("custom:org_id").ok_or(Forbidden)?.to_owned() })
        }
    }

    #[derive(Deserialize, JsonSchema)]
    struct OrderArgs {
        order: String,
    }

    /// Cancels an order.
    #[tool]
    async fn cancel_order(args: OrderArgs) -> Result<String, ToolError> {
        Ok(format!("Order {} is cancelled.", args.order))
    }

    let served: Result<(), ServeError> = {
        /// Looks an order up.
        #[tool]
        async fn find_order(context: ToolContext<Caller>, args: OrderArgs) -> Result<Order, ToolError> {
            let order = load(&args.order).await?; // if this fails, only the log has the cause
            if order.org != context.caller().org {
                // the caller is made of verified claims
                return Err(ToolError::refused("There is no such order.")); // the model reads this sentence
            }
            Ok(order)
        }

        let agent = lambda::agent::<Caller>(&config)?
            .tool(find_order_tool())
            .tool(cancel_order_tool().needs_approval())
            .build()?;
        lambda::serve(&config, agent, Caller::from_claims).await
    };
    Ok(served?)
}

/// The first agent of docs/tools.md.
async fn first_agent(config: Config) -> Result<(), lambda::Error> {
    let served: Result<(), ServeError> = {
        /// The caller, built from verified claims only.
        struct Caller {
            org: String,
        }

        #[derive(Deserialize, JsonSchema)]
        struct OrderArgs {
            /// Number of the order, e.g. `A-17`. The model reads this line.
            order: String,
        }

        async fn find_order(context: ToolContext<Caller>, args: OrderArgs) -> Result<Order, ToolError> {
            let order = load(&args.order).await?; // a failure: only the log has its cause
            if order.org != context.caller().org {
                return Err(ToolError::refused("There is no such order.")); // the model reads this
            }
            Ok(order)
        }

        let agent = lambda::agent::<Caller>(&config)? // the models of AGUI_MODEL; Agent::builder(..) takes any other
            .instructions("You look after the orders of a shop.")
            .tool(tool_fn("find_order", "Looks an order up.", find_order))
            .build()?;
        lambda::serve(&config, agent, |claims| match claims.text("custom:org_id") {
            Some(org) => Ok(Caller { org: org.into() }),
            None => Err(Forbidden), // the client receives 403
        })
        .await
    };
    Ok(served?)
}

struct Caller {
    limit: u32,
}

impl Grants for Caller {}

#[derive(Deserialize, JsonSchema)]
struct CancelArgs {
    total: u32,
}

/// Cancels an order.
async fn cancel_order(_: ToolContext<Caller>, args: CancelArgs) -> Result<u32, ToolError> {
    Ok(args.total)
}

/// A tool that not every caller may use.
fn tool_with_rules() -> impl Tool<Caller> {
    tool_fn("cancel_order", "Cancels an order.", cancel_order)
        .needs_permission("orders:write") // your caller type implements `Grants`
        .allowed_if(|caller, args| args.total <= caller.limit) // checked for each call
}
