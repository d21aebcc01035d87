"""What is learned: lessons and values.

**Lessons** (the three tiers), from an episode to a prompt::

    distillers/  →  distilling  →  library (intake, duplicates, life_cycle)  →  retrieval  →  rendering
    propose         claim, name     keep, credit, retire                        choose         write

**Values** of actions in situations, from an episode to a shortlist::

    value_learner    a fold over the episodes of a store; keeps records and weights
     └ value_memory      the learned weights: learns from records, explains itself (value_advice)
        ├ value_table        features → weights; the update rule
        └ value_episode      a cursor over one episode: values of the admissible actions, shortlist
           ├ episode_progress   what the environment tells, else what experience says
       ├ episode_trace      what happened so far, as the features need it
           │  ├ action_template    verb and prepositions; the spans between are arguments
           │  ├ task_vocabulary    which words are literal, which vary between tasks
           │  ├ goal_graph         words of the purpose, linked through what was observed
           │  └ instructions       what texts asked for, and what of it is done
           └ value_features     the situation and each action as sparse binary features
    value_guide      the same cursor in terms of states and actions, for the actor

**Progress** where the environment tells only how an episode ended, learned from verified ends::

    experience_critic    the critic that Φ hears
     └ goal_models           one model per family of purposes
        ├ goal_model             milestones and the completing action of the successes
        │  ├ goal_odds               which arguments complete a task
        │  └ goal_trace              what was done, and what became of each thing
        └ goal_tracker           a cursor over one episode: progress, and what the likeliest goal asks for
           └ goal_belief             a posterior over goals, narrowed down by attempts in vain
"""
