"""Study material: documents become graphs, quizzes and explanations."""
