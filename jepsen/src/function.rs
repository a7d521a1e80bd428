//! What a client can ask for.

/// Whether what is asked changes the state of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does not.
    Reads,
    /// It does, so that what has an unknown outcome may have done so.
    Writes,
}

/// What is asked, apart from whom and with what. Each has a keyword, its name in a history in EDN.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $keyword:literal, $effect:ident;)*) => {
        /// What an operation does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Function { $($(#[$doc])* $name,)* }

        impl Function {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in EDN, without the colon.
            #[must_use]
            pub fn keyword(self) -> &'static str {
                match self { $(Self::$name => $keyword,)* }
            }

            /// Whether it changes the state of the cluster.
            #[must_use]
            pub fn effect(self) -> Effect {
                match self { $(Self::$name => Effect::$effect,)* }
            }
        }
    };
}

functions! {
    /// The content of a register: a number, or nothing.
    Read = "read", Reads;
    /// Gives a register the content that is the argument.
    Write = "write", Writes;
    /// Makes something of a name that has to be unique (the key); answers its id.
    Create = "create", Writes;
    /// The ids of what has a name (the key).
    Find = "find", Reads;
    /// The references that lead nowhere.
    Dangling = "dangling", Reads;
    /// Gives a user (the key) a role (the argument).
    Grant = "grant", Writes;
    /// Takes it away.
    RevokeGrant = "revoke-grant", Writes;
    /// Asks for a token; answers its roles where they are looked at.
    Issue = "issue", Reads;
    /// Revokes a token (the key), in the way that is the argument.
    Revoke = "revoke", Writes;
    /// Whether a token (the key) is valid, or which roles it has.
    Validate = "validate", Reads;
    /// Rotates the keys of tokens.
    Rotate = "rotate", Writes;
    /// The keys of tokens that a node has, by a digest of each.
    Keys = "keys", Reads;
    /// Adds an element (the argument) to a set.
    Add = "add", Writes;
}

impl Function {
    /// Whether it changes the state of the cluster.
    #[must_use]
    pub fn is_write(self) -> bool {
        self.effect() == Effect::Writes
    }

    /// Whether a refusal is an answer that a cluster in good order can give. Of all others it only says that
    /// nothing was done.
    #[must_use]
    pub fn may_be_refused(self) -> bool {
        self == Self::Create
    }

    /// The function with this keyword.
    #[must_use]
    pub fn from_keyword(keyword: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|function| function.keyword() == keyword)
    }
}

impl std::fmt::Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.keyword())
    }
}
