//! `make rollback` and `make destroy`.

use super::machine::Machine;

const DEPLOY: [&str; 2] = ["make", "deploy"];

#[test]
fn rollback_moves_the_alias_after_a_confirmation() {
    let machine = Machine::new("rollback");
    let given = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");
    let rollback = ["make", "rollback"];
    machine
        .run(&rollback, &[])
        .assert_fails_with(&["there is no stack shop in eu-central-1: run make deploy"]);
    machine.run(&DEPLOY, &[given]).assert_has(&[]);
    machine.run(&rollback, &[("YES", "1")]).assert_fails_with(&["version 1 is the oldest one"]);
    for code in ["second", "third"] {
        machine.run(&DEPLOY, &[("FAKE_CODE", code)]).assert_has(&[]);
    }

    machine.run(&rollback, &[]).assert_fails_with(&["now version 3", "then version 2", "add YES=1"]);
    machine.type_into(&rollback, &[("[y/N]", "")], &[]).assert_has(&["Nothing was changed."]);
    assert_eq!(machine.alias("shop-Agent"), "3");
    machine.run(&rollback, &[("YES", "1")]).assert_has(&["Forward again: make rollback VERSION=3"]);
    assert_eq!(machine.alias("shop-Agent"), "2");
    machine.run(&rollback, &[("YES", "1")]).assert_has(&["then version 1"]);
    for (version, reason) in [("7", "There are: 1, 2, 3"), ("1", "is at version 1 already")] {
        machine.run(&rollback, &[("YES", "1"), ("VERSION", version)]).assert_fails_with(&[reason]);
    }
    // It changes nothing, so CloudFormation leaves the alias where it is.
    machine.run(&DEPLOY, &[("FAKE_CODE", "third")]).assert_fails_with(&[
        "is version 3 of the function, and live is at version 1",
        "make rollback VERSION=3",
    ]);
    machine.run(&rollback, &[("YES", "1"), ("VERSION", "3")]).assert_has(&["The alias live is at version 3"]);
    machine.run(&DEPLOY, &[("FAKE_CODE", "fourth")]).assert_has(&[]);
    assert_eq!(machine.alias("shop-Agent"), "4");
}

#[test]
fn destroy_lists_what_is_lost_and_deletes_after_a_confirmation() {
    let machine = Machine::new("destroy");
    let destroy = ["make", "destroy"];
    machine
        .run(&destroy, &[])
        .assert_has(&["There is no stack shop in eu-central-1, so nothing was deleted."]);
    let given = (
        "PARAMETERS",
        "EntryPoint=rest-iam Model=scripted/demo AlarmEmail=ops@example.com IamPrincipals=arn:x",
    );
    machine.run(&DEPLOY, &[given]).assert_has(&[]);
    let lost = [
        "shop-alarms",
        "1 x RestApi: the REST API and its URL",
        "1 x Secret: secrets. Copies of the token and open approvals",
        "1 x Table: the table of used approvals",
    ];

    machine.run(&destroy, &[]).assert_fails_with(&[&lost[..], &["add YES=1"]].concat());
    machine.type_into(&destroy, &[("(shop): ", "y")], &[]).assert_has(&["Nothing was deleted."]);
    assert_eq!(machine.stacks(), ["shop", "shop-alarms", "shop-rest-api"]);
    machine
        .run(&destroy, &[("YES", "1")])
        .assert_has(&["Deleting shop-rest-api Deleting shop Everything is deleted."]);
    assert_eq!(machine.stacks(), Vec::<String>::new());
}
