//! Metric math of CloudWatch: numbers, names of metrics, `+ - * /`, comparisons, brackets and `IF`.

use std::collections::BTreeMap;

/// Returns the value of an expression over these metrics. `None` if it needs a metric that has no value, or divides by zero: there
/// is no data point then.
pub(super) fn evaluate(expression: &str, values: &BTreeMap<String, Option<f64>>) -> Option<f64> {
    let spaced = ["(", ")", "+", "-", "*", "/", ","]
        .iter()
        .fold(expression.to_owned(), |text, symbol| text.replace(symbol, &format!(" {symbol} ")));
    let mut tokens: Vec<&str> = spaced.split_whitespace().collect();
    tokens.reverse();
    let mut reader = Reader { tokens, values };
    let value = reader.comparison();
    assert!(reader.tokens.is_empty(), "this test reads no more of {expression}: {:?}", reader.tokens);
    value
}

/// The rest of an expression that is being read.
struct Reader<'a> {
    /// The tokens that are left, the next one last.
    tokens: Vec<&'a str>,
    values: &'a BTreeMap<String, Option<f64>>,
}

impl Reader<'_> {
    /// Reads a sum, or two of them that are compared: 1 if the comparison holds.
    fn comparison(&mut self) -> Option<f64> {
        let left = self.sum();
        let Some(holds) = self.operator(&[(">=", f64::ge as fn(&f64, &f64) -> bool), (">", f64::gt)]) else {
            return left;
        };
        let right = self.sum();
        Some(f64::from(u8::from(holds(&left?, &right?))))
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product();
        while let Some(operator) = self.operator(&[("+", add as fn(f64, f64) -> f64), ("-", subtract)]) {
            let right = self.product();
            value = value.zip(right).map(|(left, right)| operator(left, right));
        }
        value
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.factor();
        while let Some(operator) = self.operator(&[("*", multiply as fn(f64, f64) -> f64), ("/", divide)]) {
            let right = self.factor();
            value =
                value.zip(right).map(|(left, right)| operator(left, right)).filter(|value| value.is_finite());
        }
        value
    }

    /// Reads a number, the name of a metric, brackets, or `IF (condition, then, otherwise)`.
    fn factor(&mut self) -> Option<f64> {
        match self.tokens.pop().expect("an operand") {
            "(" => {
                let value = self.comparison();
                self.expect(")");
                value
            }
            "IF" => {
                self.expect("(");
                let condition = self.comparison();
                self.expect(",");
                let then = self.comparison();
                self.expect(",");
                let otherwise = self.comparison();
                self.expect(")");
                if condition? == 0.0 { otherwise } else { then }
            }
            token => match token.parse() {
                Ok(number) => Some(number),
                Err(_) => *self.values.get(token).unwrap_or_else(|| panic!("no metric has the id {token}")),
            },
        }
    }

    /// Takes the next token if it is one of these operators.
    fn operator<F: Copy>(&mut self, operators: &[(&str, F)]) -> Option<F> {
        let next = self.tokens.last()?;
        let (_, operator) = operators.iter().find(|(symbol, _)| symbol == next)?;
        self.tokens.pop();
        Some(*operator)
    }

    fn expect(&mut self, token: &str) {
        assert_eq!(self.tokens.pop(), Some(token));
    }
}

fn add(left: f64, right: f64) -> f64 {
    left + right
}

fn subtract(left: f64, right: f64) -> f64 {
    left - right
}

fn multiply(left: f64, right: f64) -> f64 {
    left * right
}

fn divide(left: f64, right: f64) -> f64 {
    left / right
}

#[test]
fn an_expression_has_the_value_that_cloudwatch_gives_it() {
    let values = [("failed", Some(3.0)), ("runs", Some(12.0)), ("none", Some(0.0)), ("missing", None)];
    let values = values.map(|(name, value)| (name.to_owned(), value)).into();
    for (expression, expected) in [
        ("1 + 2 * 3 - 4 / 2", Some(5.0)),
        ("(1 + 2) * 3", Some(9.0)),
        ("IF(failed >= 3, 100 * failed / runs, 0)", Some(25.0)),
        ("IF(failed > 3, 100 * failed / runs, 0)", Some(0.0)),
        ("failed / (10 * runs)", Some(0.025)),
        ("failed / none", None),
        ("failed + missing", None),
        ("IF(missing >= 3, 1, 0)", None),
        ("IF(failed >= 3, missing, 0)", None),
    ] {
        assert_eq!(evaluate(expression, &values), expected, "{expression}");
    }
}
