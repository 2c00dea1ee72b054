//! `deploy/github`: the steps of the workflow, run by hand, and who may assume its roles.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::machine::{Machine, Printed, real_sam};
use crate::support::sam_venv;

/// Reads a YAML file, with CloudFormation's functions in their long form.
fn yaml(path: &str) -> Value {
    let read = "import json, sys; from samtranslator.yaml_helper import yaml_parse; \
                print(json.dumps(yaml_parse(open(sys.argv[1]).read())))";
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(sam_venv().join("bin/python")).args(["-c", read, &path]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs the commands of a job as GitHub does, without a terminal. An expression of GitHub is replaced by `value`.
fn run_job(machine: &Machine, workflow: &Value, job: &str, value: &str) -> Printed {
    let (name, sam) = real_sam();
    let environment = workflow["env"]["ENV"].as_str().unwrap();
    let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
    let [step] = &steps.iter().filter(|step| step.get("run").is_some()).collect::<Vec<_>>()[..] else {
        panic!("{job} has one command");
    };
    let mut variables = vec![("ENV", environment), (name, sam.as_str()), ("FAKE_CODE", "second")];
    for (name, text) in step["env"].as_object().into_iter().flatten() {
        assert!(text.as_str().unwrap().starts_with("${{"), "{text}");
        variables.push((name, value));
    }
    machine.run(&["bash", "-e", "-c", step["run"].as_str().unwrap()], &variables)
}

/// Runs the jobs of the workflow in a project whose production stack has this name.
fn plan_deploy_and_roll_back(machine: &Machine, stack: &str) {
    let workflow = yaml("deploy/github/deploy.yml");
    // A person deploys once, and commits samconfig.toml.
    let answers = "EntryPoint=server-token Model=scripted/demo AlarmEmail=";
    machine.run(&["make", "deploy"], &[("ENV", "prod"), ("PARAMETERS", answers)]).assert_has(&[]);
    let before = machine.state()["stacks"].clone();

    let planned = run_job(machine, &workflow, "plan", "");

    planned.assert_has(&["CloudFormation stack changeset", "Nothing was changed", "make deploy ENV=prod"]);
    let state = machine.state();
    assert_eq!(state["stacks"], before);
    let open: Vec<&Value> = state["change_sets"].as_object().unwrap().values().collect();
    assert_eq!(open.iter().filter(|set| set["executed"] == false).count(), 1);
    let objects = state["objects"].as_object().unwrap();
    assert!(!objects.is_empty() && objects.keys().all(|key| key.contains("/plan/")), "{:?}", objects.keys());

    let deployed = run_job(machine, &workflow, "deploy", "arn:aws:iam::123456789012:role/cloudformation");

    let created = format!("Successfully created/updated stack - {stack}");
    deployed.assert_has(&[&created, "The run has finished"]);
    let function = format!("{stack}-Agent");
    assert_eq!(machine.alias(&function), "2");
    let role = machine.state()["stacks"][stack]["role"].clone();
    assert_eq!(role, "arn:aws:iam::123456789012:role/cloudformation");

    run_job(machine, &workflow, "rollback", "").assert_has(&["The alias live is at version 1 now."]);
    assert_eq!(machine.alias(&function), "1");
    run_job(machine, &workflow, "rollback", "2").assert_has(&["The alias live is at version 2 now."]);
}

#[test]
fn plans_deploys_and_rolls_back() {
    plan_deploy_and_roll_back(&Machine::new("workflow"), "shop-prod");
}

#[test]
fn plans_deploys_and_rolls_back_what_is_shipped() {
    let machine = Machine::with_templates("workflow-shipped", Path::new(env!("CARGO_MANIFEST_DIR")));
    plan_deploy_and_roll_back(&machine, "ag-ui-agent-prod");
}

/// A service that a template begins to use needs a statement.
#[test]
fn role_of_cloudformation_covers_the_services_of_every_template() {
    let role = yaml("deploy/github/role.yaml")["Resources"].clone();
    let allowed = format!("{}{}", role["CoreResources"], role["OtherResources"]);
    let folder = format!("{}/deploy", env!("CARGO_MANIFEST_DIR"));
    let stacks =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let stacks = stacks.filter(|file| file.ends_with(".yaml")).map(|file| format!("deploy/{file}"));
    let mut services = BTreeSet::new();
    for template in stacks.chain(["template.yaml".to_owned()]) {
        for resource in yaml(&template)["Resources"].as_object().unwrap().values() {
            let service = resource["Type"].as_str().unwrap().split("::").nth(1).unwrap().to_lowercase();
            services.insert(service);
        }
    }
    // SAM makes functions and APIs of its own resources.
    assert!(services.remove("serverless"));
    for service in services {
        assert!(allowed.contains(&format!("\"{service}:")), "{service}");
    }
}

/// The policies name roles, functions and rules by the beginning of their names, which is the name of their stack.
#[test]
fn names_of_roles_functions_and_rules_fit_behind_the_longest_stack_name() {
    let longest = yaml("deploy/github/role.yaml")["Parameters"]["StackName"]["MaxLength"].as_u64().unwrap();
    // The stack and its resource, with hyphens between them and before 13 random characters.
    let length = |stack: &str, resource: &str| longest as usize + stack.len() + 1 + resource.len() + 1 + 13;
    // SAM adds a role of this name for a deployment in steps.
    assert!(length("", "CodeDeployServiceRole") <= 64);
    let mut count = 0;
    for (stack, template) in [
        ("", "template.yaml"),
        ("-alarms", "deploy/alarms.yaml"),
        ("-cloudfront", "deploy/cloudfront.yaml"),
        ("-rest-api", "deploy/rest-api.yaml"),
        ("-rotation", "deploy/rotation.yaml"),
    ] {
        for (name, resource) in yaml(template)["Resources"].as_object().unwrap() {
            let kind = resource["Type"].as_str().unwrap();
            if ["AWS::IAM::Role", "AWS::Serverless::Function", "AWS::Events::Rule"].contains(&kind) {
                count += 1;
                assert!(length(stack, name) <= 64, "{template}: {name} has {}", length(stack, name));
            }
        }
    }
    assert_eq!(count, 6);
}

#[test]
fn only_reviewed_code_gets_the_role_that_deploys() {
    let workflow = yaml("deploy/github/deploy.yml");
    let jobs = workflow["jobs"].as_object().unwrap();
    assert_eq!(workflow["permissions"], json!({}));
    for (job, role, environment) in [
        ("plan", "${{ vars.AWS_PLAN_ROLE }}", Value::Null),
        ("deploy", "${{ vars.AWS_DEPLOY_ROLE }}", json!("production")),
        ("rollback", "${{ vars.AWS_DEPLOY_ROLE }}", json!("production")),
    ] {
        assert_eq!(jobs[job]["permissions"], json!({"contents": "read", "id-token": "write"}), "{job}");
        assert_eq!(jobs[job]["environment"], environment, "{job}");
        let steps = jobs[job]["steps"].as_array().unwrap();
        assert_eq!(steps[1]["with"]["role-to-assume"], role, "{job}");
        for action in steps.iter().filter_map(|step| step["uses"].as_str()) {
            let (_, commit) = action.split_once('@').unwrap();
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{action}");
        }
    }
    assert_eq!(jobs.len(), 3);

    let template = yaml("deploy/github/role.yaml");
    let roles = &template["Resources"];
    for (role, subject) in [
        ("PlanRole", "repo:${Repository}:pull_request"),
        ("DeployRole", "repo:${Repository}:environment:${GitHubEnvironment}"),
    ] {
        let trust = &roles[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"];
        let expected = json!({"StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": {"Fn::Sub": subject},
        }});
        assert_eq!((&trust[0]["Condition"], trust.as_array().unwrap().len()), (&expected, 1), "{role}");
    }
    // What the role for pull requests may do besides reading and creating change sets.
    let plan = &roles["PlanRole"]["Properties"]["Policies"];
    let statements = plan[0]["PolicyDocument"]["Statement"].as_array().unwrap();
    assert_eq!((plan.as_array().unwrap().len(), statements.len()), (1, 1));
    assert_eq!(statements[0]["Action"], json!(["s3:GetObject", "s3:PutObject"]));
    assert!(statements[0]["Resource"]["Fn::Sub"].as_str().unwrap().ends_with("/plan/*"));
    let both = roles["ChangeSets"].to_string();
    for forbidden in
        ["ExecuteChangeSet", "DeleteStack", "PassRole", "PutObject", "lambda:", "secretsmanager:"]
    {
        assert!(!both.contains(forbidden), "{forbidden}");
    }
}
